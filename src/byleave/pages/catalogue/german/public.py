"""Pages that anyone may read, in German."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "public.report": "Transparenzbericht",
    "public.title": "Mit wessen Daten unsere Modelle trainiert werden",
    "public.what": "Wir trainieren manche Modelle mit dem, was Mitglieder schreiben. Schweigen zählt nie als Ja.",
    "public.every-party": "Eine Nachricht gehört allen, die an ihr beteiligt sind. "
    "Sagt jemand in einem Chat Nein, benutzen wir diesen Chat nicht.",
    "public.log": "Jede Regel, Entscheidung, Datenmenge und jedes Modell hat einen Eintrag in einem öffentlichen Logbuch. "
    "Wird ein alter Eintrag geändert, sieht es jeder, der sich das Logbuch vorher gemerkt hat.",
    "public.generated": "Diese Seite wird aus dem Logbuch und seinen Büchern gemacht. Niemand hat sie getippt.",
    "public.releases": "Freigegebene Modelle",
    "public.releases-none": "Noch ist kein Modell freigegeben. Das erste wird hier stehen.",
    "public.policies": "Unsere Texte im Lauf der Zeit",
    "public.policies-none": "Noch ist kein Text veröffentlicht. Der erste wird hier stehen.",
    "public.policies-rule": "Ein neuer Text macht ein altes Ja nie weiter. Eine neue Nutzung braucht ein neues Ja.",
    "public.checkpoint": "Das Logbuch jetzt",
    "public.checkpoint-why": "Notieren Sie diese drei Zeilen. Wird das Logbuch später geändert, passen sie nicht mehr.",
    "public.trust": "Die Vertrauensdatei nennt den Schlüssel, mit dem das Logbuch signiert ist. "
    "Holen Sie sie von jemand, dem Sie trauen.",
    "public.trust-file": "Vertrauensdatei herunterladen",
    "public.demo-members": "Die Seite eines Mitglieds ansehen",
    "public.demo-members-why": "In Wirklichkeit bekommt nur das Mitglied diesen Link.",
    "public.member": "Sind Sie Mitglied? Fragen Sie nach Ihrem eigenen Link. Er zeigt, wohin Ihre Daten gegangen sind.",
    # one policy version
    "policy.text": "Der genaue Text",
    "policy.text-none": "Der Text wird hier nicht aufbewahrt, nur sein Fingerabdruck.",
    "policy.adds": "Neue Nutzungen, die er nennt",
    "policy.removes": "Nutzungen, die er nicht mehr nennt",
    "policy.same": "Er nennt dieselben Nutzungen wie der Text davor.",
    "policy.announced": "Angekündigt",
    "policy.announced-none": "Er wurde vorher nicht angekündigt.",
    "policy.effective": "Gilt ab",
    "policy.recorded": "Im Logbuch",
    "policy.window": "Tage zwischen Ankündigung und Geltung",
    "policy.no-effect": "Die Veröffentlichung hat niemandes Entscheidung geändert.",
    # one release
    "release.model": "Fingerabdruck des Modells",
    "release.trained-on": "Trainiert mit",
    "release.trained": "Umfang des Trainings: {rows}, {members}.",
    "release.exact": "Es lässt sich ohne ein Mitglied neu bauen, Byte für Byte so, als wäre das Mitglied nie dabei gewesen.",
    "release.approximate": "Ein solches Modell lässt sich nicht genau neu bauen. Es bekommt kein Zertifikat.",
    "release.parent": "Es hat {parent} ersetzt, nachdem Mitglieder widerrufen hatten.",
    "release.superseded": "Es wurde durch {release} ersetzt.",
    "release.tainted": "Ein Widerruf ist hier über seinen Termin. Dieses Modell darf nicht benutzt werden.",
    "release.gate": "Was die Schranke durchließ",
    "release.gate-kept": "{kept} von {rows} Datensätzen kamen durch die Schranke.",
    "release.left-out": "Warum Datensätze draußen blieben",
    "release.left-out-rule": "Jeder Datensatz zählt einmal, unter seinem ersten Grund.",
}
"""Key → sentence."""
