"""The settings, and the record of one choice, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "member.settings": "Meine Entscheidungen ändern",
    "settings.title": "Dürfen wir mit Ihren Daten Modelle trainieren?",
    "settings.lead": "Nichts hier ist an, bis Sie Ja sagen. Keine Antwort heißt Nein.",
    "settings.stop-all": "Zu allem Nein sagen",
    "settings.stop-all-why": "Das sagt zu jeder Frage unten Nein und stoppt jedes Ja, das Sie gegeben haben.",
    "settings.none": "Wir haben keine Frage an Sie. Wir trainieren keine Modelle mit Ihren Daten.",
    "settings.notice": "Der genaue Text",
    "settings.notice-kept": "Wir heben diesen Text mit Ihrer Antwort auf. Was später dazukommt, zählt nicht.",
    "settings.notice-other": "Diesen Text haben wir nur in dieser Sprache: {what}.",
    "settings.answers": "Ihre Antwort",
    "settings.who": "Wer es bekommt",
    "settings.who-anyone": "Jeder.",
    "settings.leaves-out": "Worum es nicht geht",
    "settings.if-no": "Wenn Sie Nein sagen",
    "settings.if-no-text": "Kein neues Training benutzt es. Ihre anderen Antworten bleiben, wie sie sind.",
    "settings.yes": "Ja, Sie dürfen",
    "settings.no": "Nein, Sie dürfen nicht",
    "settings.past": "Falls Sie Ja sagen: ab wann?",
    "settings.past-now": "Nur, was ich von jetzt an schreibe",
    "settings.past-before": "Auch, was Sie schon haben",
    "settings.past-none": "Wählen Sie keines, gilt es nur für das, was Sie von jetzt an schreiben.",
    "settings.held": "Was wir jetzt haben",
    "settings.held-none": "Dafür haben wir nichts von Ihnen.",
    "settings.held-rows": "Ihre Datensätze in „{source}“: {rows}.",
    "settings.held-messages": "Ihre Nachrichten in „{source}“: {rows}. Jede zählt nur, wenn auch die anderen darin es erlauben.",
    "settings.save": "Diese Entscheidung speichern",
    "settings.state-undecided": "Sie haben nicht entschieden. Bis Sie Ja sagen, benutzen wir das nicht.",
    "settings.state-yes": "Sie haben am {date} Ja gesagt.",
    "settings.state-no": "Sie haben am {date} Nein gesagt.",
    "settings.state-partly": "Sie haben am {date} zu einem Teil davon Ja gesagt.",
    "settings.home": "Wohin sind meine Daten gegangen?",
    "settings.out": "Abmelden",
    "settings.in-as": "Sie sind angemeldet als {member}.",
    "ask.title": "Eine Frage zu Ihren Daten",
    "ask.lead": "Wir fragen Sie das einmal. Bis Sie Ja sagen, benutzen wir es nicht.",
    "ask.changed": "Wir haben Sie schon gefragt. Jetzt ist ein Zweck neu, darum fragen wir noch einmal.",
    "ask.not-now": "Jetzt nicht",
    "ask.not-now-why": "„Jetzt nicht“ ist keine Antwort, also benutzen wir das nicht. "
    "Wir fragen {days} Tage lang nicht wieder, außer es kommt ein Zweck dazu.",
    "ask.put-off": "Sie haben am {date} „Jetzt nicht“ gesagt. Das ist keine Antwort, also benutzen wir das nicht.",
    "ask.put-off-until": "Vor dem {date} fragen wir nicht wieder, außer es kommt ein Zweck dazu.",
    "ask.closed": "Wir haben Sie schon gefragt, und Sie haben nicht geantwortet. Also benutzen wir das nicht.",
    "ask.answered": "Sie haben geantwortet. Wir fragen nicht wieder.",
    "ask.refused": "Sie haben Nein gesagt. Wir fragen nicht wieder.",
    "ask.anytime": "Sie können jederzeit antworten oder eine Antwort ändern.",
    # the record of one choice
    "record.title": "Ihre Entscheidung ist gespeichert",
    "record.what": "Das ist die Aufzeichnung. Sie bleibt unter dieser Adresse.",
    "record.number": "Belegnummer",
    "record.when": "Gespeichert",
    "record.entry": "Eintrag im Logbuch",
    "record.proof": "Nachweis",
    "record.about": "Worüber",
    "record.undo": "Das ändern",
    "record.all": "Alle meine Entscheidungen",
    "record.next-no": "Von jetzt an benutzen wir das nicht. Modelle, die es benutzt haben, müssen es verlernen.",
    "record.next-yes": "Von jetzt an dürfen wir das benutzen. Sie können es hier jederzeit stoppen, in ebenso wenigen Schritten.",
}
"""Key → sentence."""
