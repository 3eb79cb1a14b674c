"""Signing in at the operator's provider, and out, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "door.title": "Anmelden",
    "door.lead": "Sie kommen zur Anmeldeseite dieses Dienstes. Danach kommen Sie hierher zurück.",
    "door.as-member": "Meine Daten und meine Entscheidungen ansehen",
    "door.as-operator": "Ich arbeite hier",
    "door.as-auditor": "Ich prüfe diesen Dienst",
    "door.as-recipient": "Meine Firma bekommt von hier Daten",
    "door.link": "Haben Sie einen Link bekommen? Dann öffnen Sie ihn.",
    "door.again": "Noch einmal versuchen",
    "door.code": "Code, falls Sie Hilfe brauchen:",
    "shut.title": "Sie sind nicht angemeldet",
    "shut.oidc.denied": "Die Anmeldung wurde abgebrochen. Hier hat sich nichts geändert.",
    "shut.oidc.state": "Diese Anmeldung begann nicht in diesem Browser, oder sie dauerte zu lange. Beginnen Sie von vorn.",
    "shut.oidc.token": "Wir konnten nicht prüfen, wer Sie sind. Darum haben wir Sie nicht eingelassen.",
    "shut.oidc.role": "Ihr Konto öffnet diese Seiten nicht. Fragen Sie uns, ob es das sollte.",
    "shut.oidc.unknown": "Wir haben kein Mitglied mit dem Namen Ihres Kontos. Fragen Sie uns um Hilfe.",
    "shut.oidc.provider": "Die Anmeldeseite antwortet gerade nicht richtig. Versuchen Sie es in einer Minute noch einmal.",
    "bye.title": "Sie sind hier abgemeldet",
    "bye.lead": "Niemand sieht Ihre Seiten aus diesem Browser, bis Sie sich wieder anmelden.",
    "bye.provider": "Auf der Anmeldeseite sind Sie vielleicht noch angemeldet.",
    "bye.go": "Auch dort abmelden",
    "bye.in": "Wieder anmelden",
    "busy.title": "Zu viele Anfragen auf einmal",
    "busy.text": "Warten Sie eine Minute und versuchen Sie es noch einmal. Ihre Entscheidungen sind unverändert.",
    "signal.title": "Ihr Browser hat für Sie Nein gesagt",
    "signal.taken": "Am {date} hat Ihr Browser uns gebeten, Ihre Daten nicht zu verkaufen oder zu teilen. "
    "Wir nehmen das als Nein zu jeder Nutzung durch andere Firmen für deren eigene Zwecke.",
    "signal.record": "Beleg ansehen",
    "signal.later": "Sagen Sie unten Ja zu einer solchen Nutzung, dann gilt Ihr Ja von da an.",
    "signal.yes-since": "Sie haben seither zu einer solchen Nutzung Ja gesagt. Für diese Nutzung gilt Ihr Ja.",
}
"""Key → sentence."""
