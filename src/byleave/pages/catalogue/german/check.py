"""Checking a proof in the browser, in German; the verifier's own words stay in English."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "check.title": "Einen Nachweis hier prüfen",
    "check.lead": "Wählen Sie einen gespeicherten Nachweis. Ihr Browser prüft ihn Schritt für Schritt.",
    "check.private": "Die gewählten Dateien bleiben auf Ihrem Gerät. Nichts wird gesendet.",
    "check.without": "Diese Seite braucht JavaScript",
    "check.without-why": "Sie ist die einzige hier. Sie können auch auf Ihrem eigenen Gerät prüfen.",
    "check.proof": "Die Nachweisdatei",
    "check.linked": "Von dieser Seite geladen:",
    "check.unlinked": "Der Nachweis ließ sich nicht laden. Speichern Sie ihn und wählen Sie die Datei.",
    "check.trust": "Die Vertrauensdatei",
    "check.trust-why": "Sie nennt, wessen Wort für Sie gilt. Holen Sie sie von jemandem, dem Sie "
    "vertrauen, nicht von dieser Seite. Mit der Datei dieser Seite erfahren Sie nur, dass die "
    "Seite sich selbst nicht widerspricht.",
    "check.pasted": "Oder fügen Sie die Vertrauensdatei ein",
    "check.receipt": "Ihre Quittung, falls der Nachweis sie braucht",
    "check.go": "Prüfen",
    "check.working": "Wird geprüft …",
    "check.yes": "Er hält",
    "check.no": "Er hält nicht",
    "check.unchecked": "Hier nicht geprüft",
    "check.limits": "Das zeigt nicht:",
    "check.steps": "Jeder Schritt",
    "check.state-ok": "hält.",
    "check.state-fail": "hält nicht.",
    "check.state-not-run": "nicht ausgeführt.",
    "check.missing": "Es fehlt etwas",
    "check.no-proof": "Wählen Sie zuerst eine Nachweisdatei.",
    "check.no-trust": "Wählen Sie zuerst eine Vertrauensdatei. Ohne Ihre Wahl gilt keine.",
    "check.fault": "Die Prüfung selbst brach ab. Nichts ist gezeigt",
    "check.large": "Diese Datei ist größer als 16 MiB.",
    "check.keep": "Diese Seite behalten",
    "check.keep-why": "Diese Seite könnte Ihnen etwas Falsches schicken. Speichern Sie sie, "
    "vergleichen Sie die Prüfsumme mit einer von anderswo. Öffnen Sie die Datei ohne Netz.",
    "check.keep-go": "Die Seite als eine Datei speichern",
    "check.keep-digest": "SHA-256 dieser Datei:",
    "check.strongest": "Am stärksten prüft das freie Programm auf Ihrem eigenen Gerät.",
    "check.saved": "Byleave, eine gespeicherte Seite",
}
