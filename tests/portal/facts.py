"""Hand-built facts in the shapes that pages read: invented ids, digests of nothing, no people."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from byleave.errors import InputError, RefusedError
from byleave.pages.receipt import ReceiptView
from byleave.pages.report_input import ReportInput
from byleave.pages.suggestion import SuggestionEntry, SuggestionsView
from byleave.pages.view import Address, Frame, MemberAnswer, PublicOverview, read

NOW = datetime(2024, 11, 21, 14, 31, tzinfo=UTC)
KEY = hashlib.sha256(b"a key for tests").digest()
DIRECT = "train.generative.replies/messages.direct/platform"
INMAIL = "train.generative.replies/messages.inmail/platform"
JOBS = "train.ranking.jobs/profile.skills/platform"
POSTS = "train.ranking.content/content.posts/platform"


def digest(text: str) -> str:
    """Return the digest of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


CHECKPOINT = {"origin": "log.example.com/byleave", "size": 20144, "root": digest("root")}


def member_facts() -> dict[str, Any]:
    """Return one member's dictionary with every field present and every kind of line."""
    line = {
        "index": None, "records": None, "ground": None, "because": None, "scope": None,
        "proof": None,
    }  # fmt: skip
    lives = {"region": "eu", "basis": "opt-in", "cites": ["GDPR art. 6(1)(a)"]}
    timeline = [
        {"at": "2024-11-21T14:05:00Z", "kind": "recalled", "who": "we", "object": "package-3",
         "index": 20143, "records": 12},
        {"at": "2024-11-21T14:04:00Z", "kind": "unlearned", "who": "we", "object": "replies-2",
         "index": 20142, "proof": "absence-1-replies-2"},
        {"at": "2024-11-21T14:02:00Z", "kind": "withdrew", "who": "you", "object": "",
         "index": 20140, "scope": DIRECT, "proof": "event-20140"},
        {"at": "2024-10-12T09:00:00Z", "kind": "acknowledged", "who": "Example Provider",
         "object": "package-2", "index": 18002},
        {"at": "2024-10-09T16:20:00Z", "kind": "delivered", "who": "Example Provider",
         "object": "package-3", "index": 17400, "records": 12, "ground": "consent",
         "proof": "delivery-17400"},
        {"at": "2024-10-09T16:19:00Z", "kind": "not-delivered", "who": "we",
         "object": "package-3", "index": 17400, "records": 1, "because": "party-vetoed"},
        {"at": "2024-10-03T07:40:00Z", "kind": "trained", "who": "we", "object": "replies-1",
         "index": 17100, "records": 14, "proof": "presence-1-replies-1"},
        {"at": "2024-10-02T09:14:00Z", "kind": "sealed", "who": "we", "object": "set-42",
         "index": 17080, "records": 14, "ground": "consent", "proof": "presence-1-set-42"},
        {"at": "2024-10-02T09:14:00Z", "kind": "left-out", "who": "we", "object": "set-42",
         "index": 17080, "records": 24, "because": "collected-at-unknown"},
        {"at": "2024-09-30T18:05:00Z", "kind": "objected", "who": "you", "object": "",
         "index": 16902, "scope": POSTS},
        {"at": "2024-09-30T18:04:00Z", "kind": "refused", "who": "you", "object": "",
         "index": 16901, "scope": JOBS},
        {"at": "2024-09-30T18:03:00Z", "kind": "granted", "who": "you", "object": "",
         "index": 16900, "scope": DIRECT, "proof": "event-16900"},
        {"at": "2024-09-18T00:00:00Z", "kind": "policy", "who": "we",
         "object": "privacy-policy 2", "index": 15000},
        {"at": "2024-05-01T00:00:00Z", "kind": "enrolled", "who": "we", "object": "enrolment",
         "index": 17},
    ]  # fmt: skip
    choice = {"includes_past": False, "expires": None, "notice": None, "grade": "bytes"}
    row: dict[str, Any] = {
        "at": None, "due": None, "done": None, "total": None, "records": None, "objects": [],
        "exact": None, "proof": None,
    }  # fmt: skip
    return {
        "member_label": "member-1",
        "at": "2024-11-21T14:31:00Z",
        "enrolled_at": "2024-05-01T00:00:00Z",
        "enrolment_index": 17,
        "checkpoint": CHECKPOINT,
        "choices": [
            choice | {"index": 20140, "at": "2024-11-21T14:02:00Z", "kind": "withdrawal",
                      "scope": DIRECT, "channel": "settings", "proof": "event-20140"},
            choice | {"index": 16902, "at": "2024-09-30T18:05:00Z", "kind": "objection",
                      "scope": POSTS, "channel": "settings", "proof": None},
            choice | {"index": 16901, "at": "2024-09-30T18:04:00Z", "kind": "refusal",
                      "scope": JOBS, "channel": "settings", "proof": None},
            choice | {"index": 16900, "at": "2024-09-30T18:03:00Z", "kind": "grant",
                      "scope": DIRECT, "includes_past": True, "expires": "2025-09-30T18:03:00Z",
                      "notice": "replies-7", "channel": "settings", "proof": "event-16900"},
        ],
        "standings": [
            {"use": DIRECT, "allowed": False, "because": "withdrawn", "ground": None,
             "since": "2024-11-21T14:02:00Z", "decided_by": 20140,
             "choices": "withdrawn", "said": "2024-11-21T14:02:00Z", **lives},
            {"use": INMAIL, "allowed": False, "because": "no-grant", "ground": None,
             "since": None, "decided_by": None, "choices": "no-grant", "said": None, **lives},
            {"use": JOBS, "allowed": False, "because": "refused", "ground": None,
             "since": "2024-09-30T18:04:00Z", "decided_by": 16901,
             "choices": "refused", "said": "2024-09-30T18:04:00Z", **lives},
            {"use": "service.delivery/messages.direct/platform", "allowed": True,
             "because": "contract", "ground": "contract", "since": None, "decided_by": None,
             "choices": "no-grant", "said": None, **lives, "basis": "contract"},
        ],
        "timeline": [line | item for item in timeline],
        "withdrawals": [
            {"index": 20140, "at": "2024-11-21T14:02:00Z", "scope": DIRECT,
             "proof": "event-20140",
             "depths": [
                 row | {"depth": "stopped", "state": "done", "at": "2024-11-21T14:02:00Z",
                        "proof": "event-20140"},
                 row | {"depth": "dropped", "state": "done", "at": "2024-11-21T14:03:00Z",
                        "done": 1, "total": 1, "records": 14, "objects": ["set-42"]},
                 row | {"depth": "unlearned", "state": "due", "due": "2024-12-05T00:00:00Z",
                        "done": 1, "total": 2, "objects": ["replies-2"], "exact": True,
                        "proof": "absence-1-replies-2"},
                 row | {"depth": "recalled", "state": "waiting", "due": "2024-12-04T00:00:00Z",
                        "done": 0, "total": 1, "objects": ["Example Provider"]},
             ]},
        ],
        "releases": [
            {"release": "replies-2", "index": 20142, "at": "2024-11-21T14:04:00Z",
             "model": digest("replies-2"), "snapshot": "set-43", "presence": "absent",
             "records": 0, "as_author": 0, "as_recipient": 0, "exact": True,
             "superseded_by": None, "directory": False, "proof": "absence-1-replies-2"},
            {"release": "replies-1", "index": 17100, "at": "2024-10-03T07:40:00Z",
             "model": digest("replies-1"), "snapshot": "set-42", "presence": "present",
             "records": 14, "as_author": 9, "as_recipient": 5, "exact": True,
             "superseded_by": "replies-2", "directory": False,
             "proof": "presence-1-replies-1"},
        ],
    }  # fmt: skip


def receipt_facts() -> dict[str, Any]:
    """Return one member's receipt: a yes and its withdrawal, a signal, a yes that does not count."""
    event: dict[str, Any] = {
        "includes_past": False, "expires": None, "notice": None, "notice_sha256": None,
        "notice_language": None, "counts": True, "channel": "settings",
    }  # fmt: skip
    words = "Train the model that suggests replies to messages, with your private messages."
    wide = "Train AI models, with messages you send or receive."
    return {
        "member_label": "member-1",
        "number": "5d1c1c5e-6c43-4f0a-9e0e-7e1f2d3c4b5a",
        "at": "2024-11-21T14:31:00Z",
        "region": "eu",
        "checkpoint": CHECKPOINT,
        "private_sha256": digest("private"),
        "records": [
            {"number": "0a1b2c3d-0000-4000-8000-000000000001", "scope": DIRECT, "meaning": words,
             "state": "ConsentWithdrawn", "agreed": 0, "allowed": 0, "uses": 1, "grounds": [],
             "stops": [],
             "events": [
                 event | {"index": 20140, "at": "2024-11-21T14:02:00Z", "kind": "withdrawal",
                          "scope": "train/messages/*", "meaning": wide, "proof": "event-20140"},
                 event | {"index": 16900, "at": "2024-09-30T18:03:00Z", "kind": "grant",
                          "scope": DIRECT, "meaning": words, "includes_past": True,
                          "expires": "2025-09-30T18:03:00Z", "notice": "replies-7",
                          "notice_sha256": digest("replies-7"), "notice_language": "en",
                          "proof": "event-16900"},
             ]},
            {"number": "0a1b2c3d-0000-4000-8000-000000000002", "scope": "*/*/third-party",
             "meaning": "Use it for anything, with all your data, by another company.",
             "state": "ConsentRefused", "agreed": 0, "allowed": 0, "uses": 0, "grounds": [],
             "stops": [],
             "events": [
                 event | {"index": 17001, "at": "2024-10-01T10:00:00Z", "kind": "refusal",
                          "scope": "*/*/third-party", "meaning": "all", "channel": "signal:gpc",
                          "proof": None},
             ]},
            {"number": "0a1b2c3d-0000-4000-8000-000000000003", "scope": POSTS,
             "meaning": "Train the model that suggests posts, with your posts.",
             "state": "PartlyGiven", "agreed": 2, "allowed": 2, "uses": 3,
             "grounds": ["consent"], "stops": [],
             "events": [
                 event | {"index": 17102, "at": "2024-10-02T10:00:00Z", "kind": "preset",
                          "scope": POSTS, "meaning": "posts", "proof": None},
                 event | {"index": 17101, "at": "2024-10-02T09:00:00Z", "kind": "grant",
                          "scope": POSTS, "meaning": "posts", "counts": False,
                          "channel": "import", "proof": None},
             ]},
            {"number": "0a1b2c3d-0000-4000-8000-000000000004", "scope": INMAIL,
             "meaning": "Train the model that suggests replies, with your InMail.",
             "state": "ConsentGiven", "agreed": 1, "allowed": 0, "uses": 1, "grounds": [],
             "stops": [
                 {"because": "region-suspended", "agreed": 1, "index": 17200,
                  "uses": [{"use": INMAIL, "meaning": "InMail"}],
                  "rules": [
                      {"ruleset": "eu@2024-01-01", "cite": "Undertaking of a test, 8 Aug 2024",
                       "since": "2024-08-08T00:00:00Z", "until": None},
                  ]},
             ],
             "events": [
                 event | {"index": 17201, "at": "2024-10-03T09:00:00Z", "kind": "grant",
                          "scope": INMAIL, "meaning": "InMail", "proof": None},
             ]},
            {"number": "0a1b2c3d-0000-4000-8000-000000000005", "scope": "train/messages/platform",
             "meaning": "Train AI models, with messages you send or receive, by us.",
             "state": "ConsentGiven", "agreed": 3, "allowed": 1, "uses": 3,
             "grounds": ["consent"],
             "stops": [
                 {"because": "minor", "agreed": 2, "index": None,
                  "uses": [{"use": DIRECT, "meaning": words}, {"use": INMAIL, "meaning": "InMail"}],
                  "rules": [
                      {"ruleset": "eu@2024-01-01", "cite": "Decision 1 of a test",
                       "since": "2024-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"},
                      {"ruleset": "uk@2024-02-01", "cite": "Decision 1 of a test",
                       "since": "2024-02-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"},
                      {"ruleset": "us@2024-02-01", "cite": None,
                       "since": "2024-02-01T00:00:00Z", "until": None},
                  ]},
             ],
             "events": [
                 event | {"index": 17301, "at": "2024-10-04T09:00:00Z", "kind": "grant",
                          "scope": "train/messages/platform", "meaning": "messages",
                          "proof": None},
             ]},
        ],
    }  # fmt: skip


def overview_facts() -> dict[str, Any]:
    """Return the public dictionary with every field present."""
    text = (
        "# Privacy policy\n\nWe train some models on messages, if you say yes.\n\n"
        "Nobody is asked twice.\n"
    )
    return {
        "operator": "Example Network",
        "at": "2024-11-21T14:31:00Z",
        "checkpoint": CHECKPOINT,
        "behind": None,
        "members": 1285,
        "policies": [
            {"document": "privacy-policy", "version": "2", "title": "Privacy policy",
             "kind": "policy", "effective": "2024-09-18T00:00:00Z", "announced": None,
             "recorded": "2024-09-18T00:00:00Z", "index": 15000, "sha256": digest("policy 2"),
             "language": "en", "adds": [DIRECT, INMAIL], "removes": [],
             "notice_window_days": 0, "text": text, "proof": "policy-15000"},
            {"document": "privacy-policy", "version": "1", "title": "Privacy policy",
             "kind": "policy", "effective": "2024-01-01T00:00:00Z",
             "announced": "2023-12-01T00:00:00Z", "recorded": "2023-12-01T00:00:00Z",
             "index": 0, "sha256": digest("policy 1"), "language": "en", "adds": [],
             "removes": [POSTS], "notice_window_days": 31, "text": None, "proof": None},
        ],
        "releases": [
            {"release": "replies-2", "index": 20142, "at": "2024-11-21T14:04:00Z",
             "model": digest("replies-2"), "trainer": "replies", "exact": True, "use": DIRECT,
             "snapshot": "set-43", "snapshot_index": 20141, "rows": 4870, "members": 401,
             "gate_rows": 20932,
             "reasons": [{"code": "no-grant", "rows": 10620},
                         {"code": "party-vetoed", "rows": 5072},
                         {"code": "withdrawn", "rows": 290},
                         {"code": "collected-at-unknown", "rows": 80}],
             "parent": "replies-1", "superseded_by": None, "tainted": False,
             "proof": "release-20142"},
            {"release": "replies-1", "index": 17100, "at": "2024-10-03T07:40:00Z",
             "model": digest("replies-1"), "trainer": "replies", "exact": True, "use": DIRECT,
             "snapshot": "set-42", "snapshot_index": 17080, "rows": 5160, "members": 422,
             "gate_rows": None, "reasons": [], "parent": None, "superseded_by": "replies-2",
             "tainted": False, "proof": None},
        ],
        "contact": {"name": "privacy@example.com", "address": None, "url": None},
        "authority": {"name": "the authority where you live", "address": None, "url": None},
        "data_origin": "real",
        "trust": "log example.com/byleave+00000000+AAAA\nquorum none\n",
        "demo_members": [{"ordinal": 0, "label": "someone who withdrew"},
                         {"ordinal": 1, "label": "someone who never agreed"}],
    }  # fmt: skip


def report_facts() -> ReportInput:
    """Return a report's facts: made-up numbers that add up."""
    day = {"use": DIRECT}
    points = [
        ("2024-05-01", 0, 0), ("2024-08-05", 0, 0), ("2024-08-12", 64, 31), ("2024-08-26", 170, 74),
        ("2024-09-09", 260, 101), ("2024-09-18", 281, 118), ("2024-10-01", 352, 240),
        ("2024-10-15", 322, 290), ("2024-11-01", 310, 312),
    ]  # fmt: skip
    lanes = []
    for label, start, dates in (
        ("member A", "2024-10-09T10:00:00Z",
         (("stopped", "2024-10-09T10:00:00Z", "done"), ("dropped", "2024-10-10T08:00:00Z", "done"),
          ("unlearned", "2024-10-14T08:00:00Z", "done"),
          ("recalled", "2024-11-08T00:00:00Z", "due"))),
        ("member B", "2024-10-11T09:00:00Z",
         (("stopped", "2024-10-11T09:00:00Z", "done"), ("dropped", "2024-10-12T08:00:00Z", "done"),
          ("unlearned", "2024-10-14T08:00:00Z", "done"),
          ("recalled", "2024-10-25T00:00:00Z", "overdue"))),
    ):  # fmt: skip
        lanes += [
            {"member_label": label, "lane": lane, "at": at, "state": state, "withdrawn": start}
            for lane, at, state in dates
        ]
    facts: dict[str, Any] = {
        "data_origin": "generated",
        "fields_real": [
            {"field": "message text", "real": True, "note": "as published"},
            {"field": "dates", "real": False, "note": "moved by six years and 35 days"},
            {"field": "choices", "real": False, "note": "drawn from the seed"},
        ],
        "generated_at": "2024-11-01T12:00:00Z",
        "checkpoint": CHECKPOINT,
        "members": 1285,
        "messages": 20932,
        "story": [
            {"number": n, "title": title, "paragraphs": [text], "figures": figures,
             "charts": charts}
            for n, title, text, figures, charts in (
                (1, "A policy in force", "Policy 1 serves messages and trains nothing.",
                 [("members enrolled", "1,285"), ("messages", "20,932")], []),
                (2, "A setting appears, switched on",
                 "A switch that was on by default is not stored as consent.",
                 [("choices recorded", "622")], ["consent"]),
                (3, "What the platform did then",
                 "Everyone who had not opted out went into a package and a model.",
                 [("messages used", "16,062")], ["practice"]),
                (5, "The same weeks with the gate", "Only what was agreed to passes.",
                 [("kept", "4,870"), ("left out", "16,062")], ["gate", "parties"]),
                (6, "Members withdraw", "Affected models are found and rebuilt.", [], ["reach"]),
                (8, "The case", "What it may cost, under each reading.", [], ["exposure"]),
            )
        ],
        "policy_versions": [
            {"document": "privacy policy", "version": "1", "effective": "2024-05-01"},
            {"document": "settings", "version": "1", "effective": "2024-08-05"},
            {"document": "privacy policy", "version": "2", "effective": "2024-09-18"},
            {"document": "FAQ", "version": "1", "effective": "2024-09-18"},
        ],
        "consent_over_time": [
            day | {"date": at, "yes": yes, "no": no, "undecided": 1285 - yes - no}
            for at, yes, no in points
        ],
        "gate": {"rows": 20932, "kept": 4870, "use": DIRECT,
                 "reasons": {"no-grant": 10620, "party-vetoed": 5072, "withdrawn": 290,
                             "collected-at-unknown": 80}},
        "party_rules": {"author": 0.482, "any": 0.611, "all": 0.2327},
        "reach": lanes,
        "releases": [
            {"release": "replies-1", "model_digest": digest("replies-1"), "snapshot": "set-42",
             "rows": 5160},
            {"release": "replies-2", "model_digest": digest("replies-2"), "snapshot": "set-43",
             "rows": 4870, "note": "Unlearned from replies-1."},
            {"release": "refit", "model_digest": digest("replies-2"), "snapshot": "set-43",
             "rows": 4870, "note": "Fitted from nothing without the withdrawn."},
        ],
        "practice": {"affected_members": 1201, "affected_messages": 16062,
                     "by_reason": {"no-grant": 10620, "party-vetoed": 5072, "withdrawn": 290,
                                   "collected-at-unknown": 80}},
        "exposure": {"currency": "USD", "readings": [
            {"name": "Stored Communications Act, a person", "citation": "18 U.S.C. 2707(c)",
             "low": 0, "high": 1201000, "assumption": "each person is owed $1,000", "ours": False},
            {"name": "Restitution", "citation": "Cal. Bus. & Prof. Code 17203", "low": 12000,
             "high": 95000, "assumption": "part of a Premium fee", "ours": False},
            {"name": "CIPA, a person", "citation": "Cal. Penal Code 637.2", "low": 5000,
             "high": 6005000, "assumption": "each person is owed $5,000", "ours": True}]},
        "proofs": [
            {"kind": "absence", "path": "proofs/absence-a.proof",
             "sentence": "Member A is not in release 2.",
             "command": "byleave verify proofs/absence-a.proof --trust trust.policy "
                        "--receipt receipts/a.receipt"},
        ],
        "replies": {"inventory": 118, "coverage": 0.131, "k": 5},
    }  # fmt: skip
    return facts  # type: ignore[return-value]


def receipt_view() -> ReceiptView:
    """Return the receipt's facts as a view."""
    return read(ReceiptView, receipt_facts())


def receipt_frame() -> Frame:
    """Return what stands around a receipt that is kept as a file."""
    view = receipt_view()
    return Frame(
        operator="Example Network", demo=False, at=view.at, checkpoint=view.checkpoint,
        contact=Address(name="privacy@example.com"),
    )  # fmt: skip


def member_view() -> MemberAnswer:
    """Return the member's facts as a view."""
    return read(MemberAnswer, member_facts())


def overview_view() -> PublicOverview:
    """Return the public facts as a view."""
    return read(PublicOverview, overview_facts())


class HandBuilt:
    """Answers for the portal: one member, ordinal 0; every proof is its own name."""

    def __init__(self, **changes: Any) -> None:
        self.facts = copy.deepcopy(member_facts()) | changes

    def now(self) -> datetime:
        """Return the instant of the facts."""
        return NOW

    def key(self) -> bytes:
        """Return the key of the tests."""
        return KEY

    def overview(self) -> PublicOverview:
        """Return the public view."""
        return overview_view()

    def member(self, ordinal: int) -> MemberAnswer | None:
        """Return the one member, or None."""
        return read(MemberAnswer, self.facts) if ordinal in {0, 1} else None

    def erased(self, ordinal: int) -> tuple[datetime, int] | None:
        """Nobody was."""

    def receipt(self, ordinal: int) -> ReceiptView | None:
        """Return the one member's receipt, or None."""
        return read(ReceiptView, receipt_facts()) if ordinal in {0, 1} else None

    def standard_receipt(self, ordinal: int) -> bytes | None:
        """Return bytes that stand for the JSON-LD of ordinal 0; ordinal 1 made no choice."""
        return b'{"@type":"dpv:ConsentReceipt"}' if ordinal == 0 else None

    def proof(self, name: str) -> bytes | None:
        """Return the proof's own name as its bytes."""
        return None if name == "gone" else name.encode()

    def suggest(
        self,
        ordinal: int | None,
        release: str,
        *,
        message: str | None,
        history: Sequence[str],
        count: int,
    ) -> SuggestionsView | None:
        """Return one suggestion of `replies-2`, personal for ordinal 0 alone; `late` is refused."""
        if release == "late":
            raise RefusedError("rows had to be unlearned", code="release.tainted")
        if release != "replies-2":
            return None
        if history:
            raise InputError("asked with one message", code="training.suggest")
        personal = ordinal == 0 and message is not None
        entry = SuggestionEntry(text="Hello.", why="message" if personal else "popular", because=())
        return SuggestionsView(
            release=release,
            personal=personal,
            reason="kept" if personal else "no-grant",
            suggestions=(entry,) * min(count, 1),
        )
