"""The facts of each page, as frozen records; nothing here is a sentence.

A page, its `.json` twin and the test that compares them are all made from one record (O2).
The producer (a service, through wiring) gives *plain dictionaries that mirror these records field
for field*: `read(MemberAnswer, ws.member.answer(member))`. The rules of that dictionary:

* keys are the field names below, nothing else; a field with a default may be left out;
* an instant is RFC 3339 text in UTC (`2024-09-18T00:00:00Z`; an aware `datetime` is taken too);
* a tuple is a list; a record is an object; a digest is 64 lowercase hexadecimal digits;
* a use or scope is `PURPOSE/CATEGORY/RECIPIENT`; an index is the log index of an entry;
* `proof` is the name `ws.proof.bytes(name)` knows: letters, digits, `.`, `_` and `-`, without
  the ending `.proof`, and without anything that names a person; None: no proof yet;
* no message text, no other member's id, anywhere.

What the faces ask of a workspace:

    ws.member.answer(member_id) -> dict       MemberAnswer
    ws.member.by_ordinal(int) -> member id    KeyError or InputError where there is none
    ws.public.overview() -> dict              PublicOverview
    ws.proof.bytes(name) -> bytes             the file; KeyError or InputError where there is none
    ws.portal_key() -> bytes                  32 secret bytes that sign member links
    ws.is_demo: bool
    ws.now() -> datetime                      aware, UTC

Example of a member's dictionary (shortened lists; every key shown once):

    {"member_label": "member-1", "at": "2024-11-01T12:00:00Z",
     "enrolled_at": "2024-05-01T00:00:00Z", "enrolment_index": 17,
     "checkpoint": {"origin": "log.example.com/byleave", "size": 4211, "root": "9c41…"},
     "choices": [{"index": 1204, "at": "2024-10-09T16:20:00Z", "kind": "withdrawal",
                  "scope": "train.generative.replies/messages.direct/platform",
                  "includes_past": false, "expires": null, "notice": null,
                  "grade": "bytes", "channel": "settings", "proof": "event-1204"}],
     "standings": [{"use": "train.generative.replies/messages.direct/platform",
                    "allowed": false, "because": "withdrawn", "ground": null,
                    "since": "2024-10-09T16:20:00Z", "decided_by": 1204}],
     "timeline": [{"at": "2024-10-01T07:40:00Z", "kind": "trained", "who": "we",
                   "object": "replies-1", "index": 1100, "records": 14, "ground": "consent",
                   "because": null, "scope": null, "proof": "presence-17-replies-1"}],
     "withdrawals": [{"index": 1204, "at": "2024-10-09T16:20:00Z",
                      "scope": "train.generative.replies/messages.direct/platform",
                      "proof": "event-1204",
                      "depths": [
                        {"depth": "stopped", "state": "done", "at": "2024-10-09T16:20:00Z"},
                        {"depth": "dropped", "state": "done", "at": "2024-10-09T16:25:00Z",
                         "records": 14, "done": 1, "total": 1, "objects": ["set-2"]},
                        {"depth": "unlearned", "state": "done", "at": "2024-10-09T16:31:00Z",
                         "done": 1, "total": 1, "objects": ["replies-2"], "exact": true},
                        {"depth": "recalled", "state": "not-needed"}]}],
     "releases": [{"release": "replies-2", "index": 1210, "at": "2024-10-09T16:31:00Z",
                   "model": "5f0c…", "snapshot": "set-2", "presence": "absent", "records": 0,
                   "as_author": 0, "as_recipient": 0, "exact": true, "superseded_by": null,
                   "directory": false, "proof": "absence-17-replies-2"}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from byleave.pages.shape import plain, read

__all__ = [
    "DEPTHS",
    "Address",
    "Behind",
    "Checkpoint",
    "Choice",
    "DemoMember",
    "DepthRow",
    "Frame",
    "Help",
    "MemberAnswer",
    "PolicyEntry",
    "PublicOverview",
    "ReasonCount",
    "ReleaseEntry",
    "ReleasePresence",
    "Standing",
    "TimelineItem",
    "WithdrawalDepth",
    "framed",
    "plain",
    "read",
]

Ground = Literal["consent", "consent-of-another-party", "not-objected", "contract"]
Depth = Literal["stopped", "dropped", "unlearned", "recalled"]
DepthState = Literal["done", "due", "waiting", "not-needed", "overdue", "cannot"]

DEPTHS: tuple[Depth, ...] = ("stopped", "dropped", "unlearned", "recalled")
"""The four rows of a withdrawal, in the order they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The log's head that an answer stands on.

    Attributes:
        origin: The log's name.
        size: Entries covered.
        root: Root hash, hexadecimal.
    """

    origin: str
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One consent event of the member.

    Attributes:
        index: Ledger index.
        at: From when it counts.
        kind: What happened.
        scope: What it is about.
        includes_past: A grant that also covers older data.
        expires: End of a grant, exclusive; None: open.
        notice: Id and version of the notice answered; None: unknown or none needed.
        grade: How well the notice is known.
        channel: Where it was said (`portal`, `settings`, `import`, `signal:gpc`, …).
        proof: Proof that the event is logged.
    """

    index: int
    at: datetime
    kind: Literal["grant", "refusal", "withdrawal", "objection", "preset"]
    scope: str
    includes_past: bool = False
    expires: datetime | None = None
    notice: str | None = None
    grade: Literal["bytes", "version", "none"] = "bytes"
    channel: str = "portal"
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the member stands on one leaf use, as a gate would decide it now of new data of theirs.

    Attributes:
        use: The leaf use.
        allowed: The decision, before other parties of a message are asked.
        because: A reason code of the decision (`granted`, `no-grant`, `region-suspended`, …).
        ground: Why data may be used, where it may.
        since: The instant of the event that decided; None: silence or a rule did.
        decided_by: Its ledger index, or that of the rulesets.
        choices: What the member's choices alone come to: `kept`, or why not.
        said: The instant of the choice that these rest on; None: silence.
        region: Where the member is; None: not known, and the strictest of all rules hold.
        basis: What the rules there require of the use; None: not looked up.
        cites: Where the rules stand.
    """

    use: str
    allowed: bool
    because: str
    ground: Ground | None = None
    since: datetime | None = None
    decided_by: int | None = None
    choices: str | None = None
    said: datetime | None = None
    region: str | None = None
    basis: str | None = None
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineItem:
    """One thing that happened to the member's data, or that they did.

    Attributes:
        at: When.
        kind: What; each has its sentence in `byleave.pages.words`. `left-out` says that records
            were *not* used, and why; `policy` that a text changed.
        who: `you`, `we`, or a recipient's name.
        object: The set, release, package or policy version (`privacy-policy 2`) touched; empty
            for the member's own choices, which have a `scope`.
        index: Log index of the entry.
        records: How many of the member's records.
        ground: Why they were used, where they were.
        because: Reason code, where they were not.
        scope: The use or scope concerned.
        proof: The proof of this line.
    """

    at: datetime
    kind: Literal[
        "enrolled",
        "granted",
        "refused",
        "withdrew",
        "objected",
        "preset",
        "sealed",
        "left-out",
        "trained",
        "unlearned",
        "delivered",
        "not-delivered",
        "recalled",
        "acknowledged",
        "policy",
    ]
    who: str
    object: str
    index: int | None = None
    records: int | None = None
    ground: Ground | None = None
    because: str | None = None
    scope: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRow:
    """How far a withdrawal has reached at one depth.

    Attributes:
        depth: Which of the four.
        state: `cannot` is for approximate trainers; `not-needed` where nothing was ever there.
        at: When it was done.
        due: When it has to be done.
        done: How many of `total` sets, models or recipients.
        total: How many there are.
        records: The member's records concerned.
        objects: Names of the sets, releases or recipients.
        exact: Unlearned to the same bytes as a fit without the member.
        proof: The proof of this row.
    """

    depth: Depth
    state: DepthState
    at: datetime | None = None
    due: datetime | None = None
    done: int | None = None
    total: int | None = None
    records: int | None = None
    objects: tuple[str, ...] = ()
    exact: bool | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalDepth:
    """One withdrawal and its four depths (`DEPTHS`, each once, in order)."""

    index: int
    at: datetime
    scope: str
    depths: tuple[DepthRow, ...]
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePresence:
    """Whether a release was trained on the member's records.

    Attributes:
        release: Name of the release.
        index: Log index of the release.
        at: When it was released.
        model: Digest of the model files, hexadecimal.
        snapshot: The sealed snapshot it was trained on.
        presence: In the snapshot or not.
        records: How many records of the member it holds, in any role.
        as_author: Of these, how many as writer.
        as_recipient: Of these, how many as reader.
        exact: The trainer unlearns exactly.
        superseded_by: The release that replaced it.
        directory: A directory covers the answer; False: absent *under this receipt*.
        proof: The presence or absence proof.
    """

    release: str
    index: int
    at: datetime
    model: str
    snapshot: str
    presence: Literal["present", "absent"]
    records: int
    as_author: int = 0
    as_recipient: int = 0
    exact: bool = True
    superseded_by: str | None = None
    directory: bool = False
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAnswer:
    """Everything one member's page says.

    Attributes:
        member_label: What the member is called on their own page.
        at: The instant the answer is about.
        enrolled_at: When the commitment of their secret was logged.
        enrolment_index: Its log index.
        checkpoint: The log's head the answer stands on.
        choices: Their consent events, newest first.
        standings: One per leaf use the operator asks about.
        timeline: Newest first.
        withdrawals: Newest first.
        releases: Newest first.
    """

    member_label: str
    at: datetime
    enrolled_at: datetime
    enrolment_index: int
    checkpoint: Checkpoint
    choices: tuple[Choice, ...]
    standings: tuple[Standing, ...]
    timeline: tuple[TimelineItem, ...]
    withdrawals: tuple[WithdrawalDepth, ...]
    releases: tuple[ReleasePresence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEntry:
    """One version of a document the platform publishes.

    Attributes:
        document: Its name in the address (`privacy-policy`): lowercase letters, digits, `-`.
        version: Its version as written (`2`, `2024-09-18`).
        title: Its title for people.
        kind: `policy`, `agreement`, `faq`, `help` or `settings`.
        effective: From when it says it counts.
        announced: When it was announced; None: not.
        recorded: When the log took it.
        index: Its log index.
        sha256: Digest of its exact bytes, hexadecimal.
        language: BCP 47 tag of the text.
        adds: Uses it declares that the version before did not.
        removes: Uses the version before declared and this one does not.
        notice_window_days: Whole days from announcement to effect.
        text: The exact text; None: not kept, or not repeated in a list of versions.
        proof: Proof that it is logged.
    """

    document: str
    version: str
    title: str
    effective: datetime
    recorded: datetime
    index: int
    sha256: str
    kind: Literal["policy", "agreement", "faq", "help", "settings"] = "policy"
    announced: datetime | None = None
    language: str = "en"
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    notice_window_days: int | None = None
    text: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry:
    """One published model and what it was trained on.

    Attributes:
        release: Its name, also in the address: letters, digits, `.`, `_`, `-`.
        index: Its log index.
        at: When it was released.
        model: Digest of the model files, hexadecimal.
        trainer: Which trainer made it.
        exact: The trainer unlearns exactly.
        use: The leaf use the gate was run for.
        snapshot: The sealed snapshot.
        snapshot_index: The snapshot's log index.
        rows: Records in the snapshot.
        members: Members with at least one record in it.
        gate_rows: Records the gate looked at; None: unknown.
        reasons: Dropped records by reason code, most first; each `{"code": …, "rows": …}`.
        parent: The release it was unlearned from.
        superseded_by: The release that replaced it.
        tainted: A withdrawal past its deadline is not served.
        proof: Proof that it is logged.
    """

    release: str
    index: int
    at: datetime
    model: str
    trainer: str
    exact: bool
    use: str
    snapshot: str
    snapshot_index: int
    rows: int
    members: int
    gate_rows: int | None = None
    reasons: tuple[ReasonCount, ...] = ()
    parent: str | None = None
    superseded_by: str | None = None
    tainted: bool = False
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many records dropped under one reason (each record once, under its first)."""

    code: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMember:
    """A member whose page a demo links from its first page (loopback only).

    Attributes:
        ordinal: The member's ordinal.
        label: What to call the link (`someone who withdrew`).
    """

    ordinal: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Someone to turn to.

    Attributes:
        name: Who.
        address: Where letters go; None: not stated.
        url: Their page (https) or mailbox (mailto); None: not stated.
    """

    name: str
    address: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """Whom to turn to, on a page that has no frame; `Frame` has the same two fields."""

    contact: Address | None = None
    authority: Address | None = None


@dataclass(frozen=True, slots=True)
class Behind:
    """The checkpoint is older than what was recorded.

    Attributes:
        waiting: Entries recorded and not under it.
        minutes: The oldest of them has waited longer than this.
    """

    waiting: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOverview:
    """What anyone may read.

    Attributes:
        operator: Who runs this.
        at: The instant the answer is about.
        checkpoint: The log's head.
        members: Members enrolled.
        policies: Every version, newest first.
        releases: Every release, newest first.
        contact: Where to ask or complain; None: not set.
        authority: The supervisory authority to complain to; None: not set.
        data_origin: For a demo: `real` or `generated` messages.
        trust: Text of the trust file (log key, witnesses, quorum); None: not published here.
        demo_members: Only shown in a demo.
    """

    operator: str
    at: datetime
    checkpoint: Checkpoint
    members: int
    policies: tuple[PolicyEntry, ...]
    releases: tuple[ReleaseEntry, ...]
    contact: Address | None = None
    authority: Address | None = None
    data_origin: Literal["real", "generated"] | None = None
    trust: str | None = None
    demo_members: tuple[DemoMember, ...] = ()
    behind: Behind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page.

    Attributes:
        operator: Who runs this.
        demo: The workspace is a demo.
        at: The instant the page is about.
        checkpoint: The log's head it stands on.
        data_origin: For a demo: `real` or `generated` messages.
        contact: Where to ask or complain.
        authority: The supervisory authority.
        behind: What the checkpoint does not cover yet; None: nothing that has waited long.
    """

    operator: str
    demo: bool
    at: datetime
    checkpoint: Checkpoint
    data_origin: Literal["real", "generated"] | None = None
    contact: Address | None = None
    authority: Address | None = None
    behind: Behind | None = None


def framed(facts: Mapping[str, Any], *, demo: bool, view: Any) -> Frame:  # noqa: ANN401 (any view)
    """Return what stands around the page of a view.

    Args:
        facts: The workspace's: `operator`, `data_origin`, `contact`, `authority`, `behind`.
        demo: The workspace is a demo.
        view: Says when it is (`at`) and on which head it stands (`checkpoint`).
    """
    whom = read(Help, {name: facts[name] for name in ("contact", "authority")}, where="frame")
    return Frame(
        operator=facts["operator"],
        demo=demo,
        at=view.at,
        checkpoint=view.checkpoint,
        data_origin=facts["data_origin"],
        contact=whom.contact,
        authority=whom.authority,
        behind=None if facts.get("behind") is None else Behind(**facts["behind"]),
    )
