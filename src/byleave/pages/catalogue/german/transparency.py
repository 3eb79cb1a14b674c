"""The public report, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "open.title": "Transparenzbericht",
    "open.lead": "Was wir trainiert haben, womit, und was wieder ging. Jede Zahl wird beim Öffnen "
    "dieser Seite aus unseren Aufzeichnungen gezählt.",
    "open.members": "Mitglieder in den Aufzeichnungen",
    "open.models": "Modelle",
    "open.rows-kept": "Zeilen, die durchkamen",
    "open.rows-left": "Zeilen, die draußen blieben",
    "open.models-title": "Modelle, und womit sie trainiert sind",
    "open.models-none": "Noch kein Modell ist veröffentlicht.",
    "open.trained": "Trainiert mit {records} Datensätzen von {members} Mitgliedern.",
    "open.replaced": "Ersetzt durch {release}.",
    "open.instead": "Ersetzt {release}.",
    "open.exact": "Das Entfernen gibt dieselben Bytes wie ein Training ohne die Zeilen.",
    "open.approximate": "Das Entfernen schwächt nur, was die Zeilen bewirkten. Es löscht es nicht.",
    "open.gate-title": "Was durchgelassen wurde",
    "open.gate-none": "Noch wurde nichts geprüft.",
    "open.gate-all": "In {runs} Läufen kamen {kept} von {rows} Zeilen durch. Eine Zeile zählt je Lauf "
    "einmal.",
    "open.withdrawals-title": "Wenn Menschen gehen",
    "open.withdrawals-none": "Noch wurde kein Widerruf ausgeführt.",
    "open.withdrawal": "Entfernte Zeilen: {rows}. Neu gerechnete Modelle: {releases}. "
    "Zurückgerufene Pakete: {packages}.",
    "open.withdrawal-took": "Vom ersten Nein eines Menschen bis zum letzten Schritt: {time}.",
    "open.withdrawal-batch": "Vom ersten Eintrag im Logbuch bis zum letzten: {time}.",
    "open.withdrawal-open": "Das ist noch nicht fertig.",
    "open.disclosures-title": "Wer Daten bekam",
    "open.disclosures-none": "Niemand hat etwas bekommen.",
    "open.column-recipient": "Empfänger",
    "open.column-packages": "Pakete",
    "open.column-rows": "Zeilen",
    "open.column-recalled": "Zurückgerufene Zeilen",
    "open.column-recalls": "Rückrufe",
    "open.column-answered": "Beantwortet",
    "open.column-late": "Zu spät",
    "open.column-longest_seconds": "Längste Wartezeit",
    "open.policies-title": "Texte, die wir veröffentlicht haben",
    "open.policies-none": "Noch kein Text ist veröffentlicht.",
    "open.policy": "Fassung {version}, gültig ab",
    "open.summaries-title": "Zusammenfassungen zum Herunterladen",
    "open.summaries-why": "Sie entstehen aus unseren Aufzeichnungen, wenn Sie fragen. Was nur ein "
    "Mensch sagen kann, bleibt offen und ist so bezeichnet.",
    "open.summaries-none": "Es gibt noch kein Modell, über das zu schreiben wäre.",
    "open.hours": "{count} Stunden",
    "open.minutes": "{count} Minuten",
    "open.days": "{count} Tage",
    "open.short": "weniger als eine Minute",
}
