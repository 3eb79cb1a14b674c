"""Rule packs: readings of the law as dated data, each with its citation and its assumption.

A reading is one way a court might see it, not a forecast. It says what is counted (persons,
messages, fees), the amount for each at its low and its high end, the uses it speaks about, when
a claim is too late, and whether the complaint made it or we added it (`ours`). Not legal advice.

Sources: docs/case.md, "Readings". Amounts are whole cents of `currency`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from byleave.errors import InputError
from byleave.exposure.practice import Interval

__all__ = [
    "DE_LA_TORRE",
    "DPC_V_X",
    "EEA",
    "MATTERS",
    "PACKS",
    "US_PRIVATE_MESSAGES",
    "Matter",
    "Reading",
    "RulePack",
    "Unit",
]


class Unit(StrEnum):
    """What a reading multiplies its amount by."""

    PERSON = "person"
    PERSON_WITH_DAMAGE = "person with proven damage"
    MESSAGE = "message"
    PERSON_TO_MESSAGE = "person, then person and message"
    FEES = "fees paid"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One named reading of one law.

    Attributes:
        name: Stable name.
        title: A few words for people.
        citation: Statute and cases.
        unit: What is counted.
        cents: Amount for each unit; 0 where nothing can be computed.
        computable: Whether the records can give a high end at all.
        assumption: What has to hold for this range to be the right one.
        applies: The law as cited is applied to uses in this interval.
        disclosures_only: Counts only what left the platform.
        regions: Counts only members in these regions; empty: everywhere.
        leaves_out: Reasons (`finding.REASONS`) under which it takes nobody to be wronged.
        one_party: Takes a disclosure to be lawful, for all its parties, where any of them had
            granted it by then; counts disclosures only.
        limitation_years: A claim is too late after so many years from discovery; None: not
            modelled.
        limitation: Citation of that.
        ours: Byleave's addition; not in the complaint.
        outer: An outer bound, more than anyone is reported to have asked for.
    """

    name: str
    title: str
    citation: str
    unit: Unit
    cents: int = 0
    computable: bool = True
    assumption: str
    applies: Interval = field(default=Interval())
    disclosures_only: bool = False
    regions: frozenset[str] = field(default=frozenset())
    leaves_out: frozenset[str] = field(default=frozenset())
    one_party: bool = False
    limitation_years: int | None = None
    limitation: str | None = None
    ours: bool = False
    outer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """Readings that belong together, as they stood on a date."""

    name: str
    dated: datetime
    currency: str
    readings: tuple[Reading, ...]

    @property
    def asks_any_party(self) -> bool:
        """Whether some reading asks if another party of a message had granted."""
        return any(reading.one_party for reading in self.readings)

    def only(self, names: tuple[str, ...]) -> RulePack:
        """Return the pack with the named readings, in the pack's order.

        Raises:
            InputError: `case.reading`, the pack has no such reading.
        """
        unknown = [n for n in names if n not in {r.name for r in self.readings}]
        if unknown:
            raise InputError(
                f"the pack {self.name!r} has no reading {unknown[0]!r}",
                code="case.reading",
                hint="readings: " + ", ".join(r.name for r in self.readings),
            )
        kept = tuple(r for r in self.readings if r.name in names)
        return RulePack(name=self.name, dated=self.dated, currency=self.currency, readings=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What was alleged, and how it ended: printed beside every number."""

    name: str
    title: str
    court: str
    number: str
    filed: datetime
    ended: datetime | None
    alleged: str
    outcome: str


EEA: Final = frozenset(
    "eu eea at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se is li "
    "no".split()
)
"""Region codes where the GDPR is the law: the Union, and the EEA by its agreement."""

_SCA_LIMIT: Final = "18 U.S.C. 2707(f): two years from discovery or a reasonable opportunity for it"

_SCA: Final = (
    Reading(
        name="sca-per-person",
        title="Stored Communications Act, $1,000 a person",
        citation="18 U.S.C. 2702(a), 2707(c)",
        unit=Unit.PERSON,
        cents=100_000,
        assumption="each person whose messages left the platform receives the least sum, without "
        "proof of damage, as the complaint is reported to have asked",
        disclosures_only=True,
        limitation_years=2,
        limitation=_SCA_LIMIT,
    ),
    Reading(
        name="sca-only-with-damage",
        title="Stored Communications Act, only with actual damage",
        citation="18 U.S.C. 2707(c); Van Alstyne v. Electronic Scriptorium, 560 F.3d 199 "
        "(4th Cir. 2009); Vista Marketing v. Burkett, 812 F.3d 954 (11th Cir. 2016)",
        unit=Unit.PERSON_WITH_DAMAGE,
        cents=100_000,
        assumption="the least sum is owed only to persons who prove actual damage, or profits "
        "made from the violation; their number is stated by whoever asks, and is 0 otherwise",
        disclosures_only=True,
        limitation_years=2,
        limitation=_SCA_LIMIT,
    ),
    Reading(
        name="sca-per-violation",
        title="Stored Communications Act, $1,000 a message",
        citation="18 U.S.C. 2707(c), read per violation",
        unit=Unit.MESSAGE,
        cents=100_000,
        assumption="outer bound: the least sum for every message that left the platform; the "
        "statute speaks of a person, and nobody is reported to have asked for this",
        disclosures_only=True,
        limitation_years=2,
        limitation=_SCA_LIMIT,
        outer=True,
    ),
    Reading(
        name="sca-opt-out",
        title="Stored Communications Act, silence read as consent",
        citation="18 U.S.C. 2702(b)(3), as a platform might argue it",
        unit=Unit.PERSON,
        cents=100_000,
        assumption="not in the complaint: whoever had been told by a document, could have turned "
        "their own switch off, and did not, is taken to have agreed (`no-choice`); all others "
        "count as in sca-per-person. A court that asks for an act of consent does not follow",
        disclosures_only=True,
        leaves_out=frozenset({"no-choice"}),
        limitation_years=2,
        limitation=_SCA_LIMIT,
        ours=True,
    ),
    Reading(
        name="sca-one-party",
        title="Stored Communications Act, one party's consent is enough",
        citation="18 U.S.C. 2702(b)(3); compare 2511(2)(d)",
        unit=Unit.PERSON,
        cents=100_000,
        assumption="not in the complaint: a message of which the author or any recipient had "
        "agreed to the disclosure, by an act of their own in effect at it, wrongs none of its "
        "parties; all others count as in sca-per-person. Where the law asks every party (as Cal. "
        "Penal Code 632), it does not hold",
        disclosures_only=True,
        one_party=True,
        limitation_years=2,
        limitation=_SCA_LIMIT,
        ours=True,
    ),
)

_OTHERS: Final = (
    Reading(
        name="contract",
        title="Breach of contract",
        citation="as pleaded: LinkedIn Subscription Agreement 3.2; Data Processing Agreement "
        "5.1, 5.5 (press reports)",
        unit=Unit.NONE,
        computable=False,
        assumption="damages follow from what each member lost, which these records do not hold: "
        "no amount is computed",
        limitation_years=4,
        limitation="Cal. Code Civ. Proc. 337(a): four years (counted here from discovery)",
    ),
    Reading(
        name="ucl-restitution",
        title="California unfair competition, restitution to payers",
        citation="Cal. Bus. & Prof. Code 17200, 17203, 17204; Hall v. Time, 158 Cal.App.4th 847 "
        "(2008)",
        unit=Unit.FEES,
        assumption="from nothing (no money lost as a result of it) to the fees for the days in "
        "the window, as if the service had been worth nothing; payers only",
        limitation_years=4,
        limitation="Cal. Bus. & Prof. Code 17208: four years (counted here from discovery)",
    ),
    Reading(
        name="gdpr",
        title="GDPR, compensation",
        citation="Regulation (EU) 2016/679, art. 82; fines of art. 83 go to no member",
        unit=Unit.NONE,
        computable=False,
        assumption="there is no tariff: damage is proven person by person; persons are counted, "
        "no amount is computed",
        applies=Interval(datetime(2018, 5, 25, tzinfo=UTC), None),
        regions=EEA,
        ours=True,
    ),
    Reading(
        name="cipa",
        title="California Invasion of Privacy Act, our addition",
        citation="Cal. Penal Code 631(a), 632, 637.2 (as amended from 1 Jan 2017)",
        unit=Unit.PERSON_TO_MESSAGE,
        cents=500_000,
        assumption="not in the complaint: Californian parties who did not all agree, from $5,000 "
        "once a person to $5,000 a person and message; that such messages are `confidential` is "
        "itself disputed",
        applies=Interval(datetime(2017, 1, 1, tzinfo=UTC), None),
        regions=frozenset({"us-ca"}),
        limitation_years=1,
        limitation="Cal. Code Civ. Proc. 340(a): one year (counted here from discovery)",
        ours=True,
    ),
)

US_PRIVATE_MESSAGES: Final = RulePack(
    name="us-private-messages",
    dated=datetime(2025, 1, 21, tzinfo=UTC),
    currency="USD",
    readings=(*_SCA, *_OTHERS),
)
"""The claims of De La Torre v. LinkedIn as reported on the day it was filed, and four of ours."""

PACKS: Final = {US_PRIVATE_MESSAGES.name: US_PRIVATE_MESSAGES}

DE_LA_TORRE: Final = Matter(
    name="de-la-torre-v-linkedin",
    title="De La Torre v. LinkedIn Corp.",
    court="United States District Court, Northern District of California",
    number="5:25-cv-00709",
    filed=datetime(2025, 1, 21, tzinfo=UTC),
    ended=datetime(2025, 1, 30, tzinfo=UTC),
    alleged="private InMail messages of Premium customers were disclosed to third parties to "
    "train AI before 18 September 2024, under a setting that was on by default",
    outcome="dismissed by the plaintiff without prejudice on 30 January 2025, nine days after it "
    "was filed; LinkedIn denied it, and a lawyer of the plaintiff said that LinkedIn had shown "
    "them evidence that it did not use the messages",
)

DPC_V_X: Final = Matter(
    name="dpc-v-x",
    title="Data Protection Commission and Twitter International Unlimited Company (X)",
    court="High Court of Ireland",
    number="Data Protection Act 2018, section 134",
    filed=datetime(2024, 8, 8, tzinfo=UTC),
    ended=datetime(2024, 9, 4, tzinfo=UTC),
    alleged="personal data in the public posts of EU and EEA users, processed from 7 May to 1 "
    "August 2024, were used to train the chatbot Grok, which gave rise to a risk to the rights of "
    "those users",
    outcome="struck out on 4 September 2024, as X agreed to keep for good to its undertaking of 8 "
    "August 2024; the court made no finding, X is reported to have rejected the claims, and its "
    "lawyer is reported to have said that the data had been deleted",
)
"""Irish DPC, statements of 8 August and 4 September 2024; press reports of the last hearing."""

MATTERS: Final = {m.name: m for m in (DE_LA_TORRE, DPC_V_X)}
