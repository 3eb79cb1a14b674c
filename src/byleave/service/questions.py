"""What members ask most, answered from the ledgers: numbers, names and dates, nothing typed.

The dictionary has the shape of `byleave.pages.questions.Questions`.
"""

from __future__ import annotations

from typing import Any

from byleave.service.answer import member_answer
from byleave.service.house import House
from byleave.service.looks import looks_about
from byleave.service.message_kinds import message_kinds
from byleave.service.policy_changes import policy_changes
from byleave.service.requests import list_requests
from byleave.service.taint import UNLEARN_DAYS

__all__ = ["questions"]

Facts = dict[str, Any]


def questions(house: House, member: str) -> Facts:
    """Return what the answers to the commonest questions of one member are made of.

    Raises:
        InputError: `member.unknown`.
    """
    answer = member_answer(house, member)
    texts = policy_changes(house, member)
    kinds = message_kinds(house, member)
    releases = answer["releases"]
    current = [r for r in releases if r["superseded_by"] is None]
    mine = [r for r in current if r["presence"] == "present"]
    delivered = [item for item in answer["timeline"] if item["kind"] == "delivered"]
    recalled = {i["object"] for i in answer["timeline"] if i["kind"] == "recalled"}
    answered = {i["object"] for i in answer["timeline"] if i["kind"] == "acknowledged"}
    since = [v for v in texts["versions"] if v["recorded"] >= answer["enrolled_at"]]
    return {
        "member_label": member,
        "at": answer["at"],
        "checkpoint": answer["checkpoint"],
        "models": len(current),
        "inside": [_inside(r) for r in mine],
        "left": sum(r["presence"] == "present" for r in releases) - len(mine),
        "packages": [
            {
                "recipient": item["who"],
                "package": item["object"],
                "at": item["at"],
                "records": item.get("records") or 0,
                "state": "deleted"
                if item["object"] in answered
                else "recalled"
                if item["object"] in recalled
                else "there",
            }
            for item in delivered
        ],
        "days": UNLEARN_DAYS,
        "rebuilt": [r["release"] for r in mine if r["exact"]],
        "reduced": [r["release"] for r in mine if not r["exact"]],
        "texts": len(since),
        "named": sum(len(v["adds"]) for v in since),
        "undecided": sum(a["state"] == "undecided" for v in since for a in v["adds"]),
        "moved": sum(len(v["moved"]) for v in since),
        "choices": len(answer["choices"]),
        "looks": [
            {"at": look["at"], "who": look["who"], "why": look["why"]}
            for look in looks_about(house, member)
        ],
        "kept": sum(u["kept"] or 0 for k in kinds["kinds"] for u in k["uses"]),
        "left_out": sum(r["rows"] for k in kinds["kinds"] for u in k["uses"] for r in u["left"]),
        "proofs": len({i["proof"] for i in answer["timeline"] if i.get("proof")}),
        "requests": len(list_requests(house, member=member, only_open=True)),
    }


def _inside(release: Facts) -> Facts:
    return {
        "release": release["release"],
        "at": release["at"],
        "records": release["records"],
        "proof": release["proof"],
    }
