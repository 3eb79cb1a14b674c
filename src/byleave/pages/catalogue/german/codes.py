"""What a code means, nouns and terms of the taxonomy, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["GROUNDS", "LIMITS", "MONTHS", "NOUNS", "REASONS", "SCOPES"]

LIMITS: Final = (
    "Es kann nicht zeigen, dass niemand außerhalb dieses Systems mit Ihren Daten trainiert hat.",
    "Es kann nicht zeigen, dass jeder Datensatz bei der richtigen Person abgelegt wurde.",
    "Es kann keine Kopie zurückholen, die jemand behalten hat.",
    "Prüfer können unser Training wiederholen und unsere Modelle testen.",
    "Das macht Betrug schwerer. Es schließt ihn nicht aus.",
)
"""The honest limits block, word for word, wherever a proof is shown."""

GROUNDS: Final[dict[str, str]] = {
    "consent": "Sie zugestimmt haben",
    "consent-of-another-party": "eine andere Person im Chat zugestimmt hat",
    "not-objected": "das Gesetz es erlaubt, solange Sie nicht widersprechen",
    "contract": "es für den Dienst nötig ist",
}
"""Ground → the end of a sentence that begins with `weil`."""

REASONS: Final[dict[str, str]] = {
    "grant-too-general": "das Ja war über alles auf einmal",
    "no-grant": "kein Ja aufgezeichnet",
    "refused": "Nein gesagt",
    "withdrawn": "Ja gesagt, dann gestoppt",
    "objected": "widersprochen",
    "expired": "das Ja hatte ein Ende",
    "evidence-grade": "ein Ja ohne den Text, auf den es antwortet",
    "notice-does-not-cover": "der Text zum Ja nannte diese Nutzung nicht",
    "promise-of-collection": "unter einem älteren Versprechen gesammelt",
    "collected-at-unknown": "kein Datum, also kein Versprechen zu prüfen",
    "region-suspended": "in dieser Region angehalten",
    "region-forbids": "in dieser Region verboten",
    "party-missing": "kein Absender oder Empfänger genannt",
    "party-unknown": "ein Absender oder Empfänger ist hier nicht bekannt",
    "party-vetoed": "jemand anderes in der Nachricht hat Nein gesagt",
    "minor": "jemand darin ist zu jung",
    "age-unknown": "das Alter von jemandem darin ist nicht bekannt",
    "group-excluded": "jemand darin gehört zu einer ausgenommenen Gruppe",
    "collected-while-suspended": "gesammelt, während die Nutzung dort angehalten war",
    "before-earliest": "älter, als die Regeln erlauben",
    "category-unknown": "die Art der Daten ist nicht bekannt",
    "draft-never-sent": "ein Entwurf, der nie abgeschickt wurde",
    "date-unknown": "es ist nicht bekannt, wann sie geschickt wurde",
    "refused-but-used": "hatte Nein gesagt und wurde nicht noch einmal gefragt",
    "collected-under-older-promise": "hatte Ja gesagt, aber nur zu neueren Daten",
    "recipient-never-asked": "hat sie gelesen; nur wer schrieb, wurde gefragt",
    "before-policy": "noch nannte kein Text diese Nutzung",
    "no-choice": "hatte nie etwas gesagt",
    "evidence-erased": "die Belege wurden auf Wunsch gelöscht",
    "other": "die Regeln sagten Nein",
}
"""Reason code of a dropped record → what it means."""

NOUNS: Final[dict[str, tuple[str, str]]] = {
    "choice": ("Entscheidung", "Entscheidungen"),
    "day": ("Tag", "Tage"),
    "member": ("Mitglied", "Mitglieder"),
    "message": ("Nachricht", "Nachrichten"),
    "model": ("Modell", "Modelle"),
    "proof": ("Nachweis", "Nachweise"),
    "record": ("Datensatz", "Datensätze"),
    "use": ("Nutzung", "Nutzungen"),
}
"""Noun that is counted, in English → for one, for several."""

MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
    "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip

SCOPES: Final[dict[str, str]] = {
    "purposes/*": "Für alles benutzen",
    "purposes/service": "Den Dienst betreiben",
    "purposes/service.delivery": "Liefern, was Sie verlangt haben",
    "purposes/service.security": "Den Dienst sicher halten",
    "purposes/train": "KI-Modelle trainieren",
    "purposes/train.ranking": "Modelle trainieren, die wählen, was gezeigt wird",
    "purposes/train.ranking.jobs": "Das Modell trainieren, das Stellen empfiehlt",
    "purposes/train.ranking.content": "Das Modell trainieren, das Beiträge und Kurse vorschlägt",
    "purposes/train.generative": "Modelle trainieren, die Texte schreiben",
    "purposes/train.generative.replies": "Das Modell trainieren, das Antworten auf Nachrichten vorschlägt",
    "purposes/train.generative.writing": "Das Modell trainieren, das beim Schreiben hilft",
    "purposes/train.safety": "Das Modell trainieren, das Spam und Missbrauch findet",
    "categories/*": "all Ihre Daten",
    "categories/profile": "Ihr Profil",
    "categories/profile.identity": "Ihr Name, Foto und Titel",
    "categories/profile.employment": "Ihre früheren und jetzigen Stellen",
    "categories/profile.education": "Ihre Ausbildung",
    "categories/profile.skills": "Ihre Fähigkeiten",
    "categories/network": "Ihr Netzwerk",
    "categories/network.connections": "Ihre Kontakte",
    "categories/content": "was Sie veröffentlichen",
    "categories/content.posts": "Ihre Beiträge und Artikel",
    "categories/content.comments": "Ihre Kommentare und Reaktionen",
    "categories/messages": "Nachrichten, die Sie schicken oder bekommen",
    "categories/messages.direct": "Ihre privaten Nachrichten",
    "categories/messages.inmail": "Ihre InMail-Nachrichten",
    "categories/messages.group": "Ihre Gruppennachrichten",
    "categories/messages.draft": "Ihre nie abgeschickten Entwürfe",
    "categories/messages.assistant": "Ihre Gespräche mit dem KI-Helfer",
    "categories/activity": "was Sie hier tun",
    "categories/activity.feed": "was Sie im Feed tun",
    "categories/activity.jobs": "was Sie auf Stellenseiten tun",
    "categories/inferred": "was über Sie erschlossen wurde",
    "recipients/*": "jeder",
    "recipients/platform": "dieser Dienst selbst",
    "recipients/affiliate": "eine Firma derselben Gruppe",
    "recipients/provider": "eine Firma, die für diesen Dienst arbeitet",
    "recipients/third-party": "eine andere Firma, für deren eigene Zwecke",
}
"""Term of the shipped taxonomy, as `tree/name` → what it is called inside a sentence."""
