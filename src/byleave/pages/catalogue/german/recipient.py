"""A recipient's page, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "recipient.title": "Ihre Pakete",
    "recipient.lead": "Was Sie bekommen haben, zu welchen Bedingungen, und was Sie löschen müssen.",
    "recipient.who": "Angemeldet als {recipient}",
    "recipient.key": "Ihr Schlüssel zum Unterschreiben",
    "recipient.key-none": "Sie haben noch keinen Schlüssel angemeldet. Machen Sie einen und geben "
    "Sie der Plattform die Karte dazu.",
    "recipient.none": "Ihnen wurde noch kein Paket angeboten.",
    "recipient.offered": "Angeboten",
    "recipient.use": "Nur für diesen Zweck",
    "recipient.rows": "Zeilen",
    "recipient.rows-of": "{rows} Zeilen, davon {recalled} zurückgerufen",
    "recipient.state": "Stand",
    "recipient.state-new": "wird gepackt",
    "recipient.state-offered": "liegt zum Abholen bereit",
    "recipient.state-delivered": "Sie haben es",
    "recipient.state-recalled": "zurückgerufen: löschen und antworten",
    "recipient.state-overdue": "überfällig: Ihre Antwort fehlt",
    "recipient.state-acknowledged": "Ihre Antwort ist angenommen",
    "recipient.state-withheld": "zurückgehalten: es ging nie hinaus",
    "recipient.train": "Training",
    "recipient.train-yes": "Sie dürfen damit trainieren.",
    "recipient.train-no": "Sie dürfen nicht damit trainieren.",
    "recipient.pass": "Weitergeben",
    "recipient.pass-no": "Sie dürfen es nicht weitergeben.",
    "recipient.pass-to": "Sie dürfen es weitergeben an: {names}",
    "recipient.pass-some": "Sie dürfen es an die weitergeben, die in den Bedingungen stehen.",
    "recipient.expires": "Endet",
    "recipient.expires-none": "mit dem Rückruf",
    "recipient.days": "Tage für einen Rückruf",
    "recipient.recalls": "Rückrufe",
    "recipient.column-order": "Auftrag",
    "recipient.column-rows": "Zeilen",
    "recipient.column-at": "Zurückgerufen",
    "recipient.column-due": "Fällig",
    "recipient.column-answered": "Antwort angenommen",
    "recipient.waiting": "noch nicht",
    "recipient.late": "zu spät",
    "recipient.fetch": "Abholen und löschen",
    "recipient.fetch-why": "Das Programm holt Pakete und Aufträge, löscht, unterschreibt und sendet.",
    "recipient.fetch-files": "Was hier für Sie liegt",
    "recipient.fetch-none": "Hier liegt jetzt nichts für Sie.",
    "recipient.fetch-file": "{bytes} Bytes, für Ihren Schlüssel versiegelt, SHA-256",
    "recipient.fetch-order": "ein Auftrag zum Löschen",
    "recipient.answer": "Eine unterschriebene Antwort senden",
    "recipient.answer-why": "Wählen Sie die Datei, die das Programm schrieb: einen Empfang oder eine "
    "Antwort auf einen Rückruf. Sie wird vor der Annahme geprüft.",
    "recipient.answer-file": "Die unterschriebene Datei",
    "recipient.answer-go": "Senden",
    "recipient.refused": "Nicht angenommen",
    "recipient.taken": "Angenommen: {what}",
    "recipient.taken-delivery": "ein Empfang",
    "recipient.taken-answer": "eine Antwort auf einen Rückruf",
    "recipient.onward": "Was Sie weitergegeben haben",
    "recipient.onward-why": "Wer Daten von Ihnen hat, antwortet Ihnen. Holen Sie das zuerst ein. "
    "Was Sie uns dann schicken, trägt es weiter.",
}
