"""The public report: models and their data, the gate, withdrawals, disclosures, texts, as counts.

Everything is counted from the ledgers when it is asked for, nothing is written by hand (G11).
Counts of members are of snapshots; nobody is named.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from byleave.ids import format_instant, from_us, parse_instant, to_us
from byleave.service.house import House
from byleave.service.recall import status

__all__ = ["transparency_facts"]

Facts = dict[str, Any]


def transparency_facts(house: House) -> Facts:
    """Return the report's numbers.

    Cost: every gate, snapshot, release, withdrawal, recall and disclosure once, no member.
    """
    return {
        "models": [
            _model(house, index, name, at, document)
            for index, name, at, document in reversed(house.ledger.objects("release"))
        ],
        "gates": _gates(house),
        "withdrawals": _withdrawals(house),
        "disclosures": _disclosures(house),
        "policies": [
            {
                "document": document["document"],
                "version": document.get("label", document["version"]),
                "index": index,
                "recorded": format_instant(from_us(at)),
                "effective": document["effective"],
            }
            for index, _, at, document in reversed(house.ledger.objects("policy"))
        ],
    }


def _model(house: House, index: int, name: str, at: int, document: Facts) -> Facts:
    snapshot: Any = house.ledger.object("snapshot", document["snapshot"])
    return {
        "release": name,
        "index": index,
        "at": format_instant(from_us(at)),
        "use": document["use"],
        "trainer": document["trainer"],
        "exact": document["exact"],
        "records": snapshot[2]["records"],
        "members": snapshot[2]["members"],
        "parent": document["parent"],
        "superseded_by": document["superseded_by"],
    }


def _gates(house: House) -> Facts:
    runs, rows, kept = 0, 0, 0
    reasons: Counter[str] = Counter()
    for _, _, _, document in house.ledger.objects("gate"):
        runs, rows, kept = runs + 1, rows + document["rows"], kept + document["kept"]
        reasons.update(document["reasons"])
    return {
        "runs": runs,
        "rows": rows,
        "kept": kept,
        "reasons": [
            {"code": code, "rows": count}
            for code, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _withdrawals(house: House) -> list[Facts]:
    ends = {
        document["withdrawal"]: (at, document)
        for _, _, at, document in house.ledger.objects("withdrawal-end")
    }
    result = []
    for index, name, at, document in reversed(house.ledger.objects("withdrawal")):
        logged = document["logged"]
        ended, said = ends.get(name), logged.get("since")
        since = at if said is None else to_us(parse_instant(said["at"]))
        result.append(
            {
                "withdrawal": name,
                "index": index,
                "said": None if said is None else said["at"],
                "begun": format_instant(from_us(at)),
                "ended": None if ended is None else format_instant(from_us(ended[0])),
                "seconds": None if ended is None else (ended[0] - since) // 1_000_000,
                "releases": len(logged["releases"]),
                "packages": len(logged["packages"]),
                "rows": sum(logged["rows"].values()),
            }
        )
    return result


def _disclosures(house: House) -> list[Facts]:
    found: dict[str, Facts] = {}
    states = {item["disclosure"]: item for item in status(house)}
    for _, name, _, document in house.ledger.objects("disclosure"):
        line = found.setdefault(
            document["recipient"],
            {
                "recipient": document["recipient"],
                "packages": 0,
                "rows": 0,
                "recalled": 0,
                "recalls": 0,
                "answered": 0,
                "late": 0,
                "longest_seconds": None,
            },
        )
        line["packages"] += 1
        line["rows"] += document["rows"]
        line["recalled"] += len(document["recalled_rows"])
        line["recalls"] += states[name]["recalls"]
        line["answered"] += states[name]["acknowledged"]
    _answers(house, found)
    return [found[name] for name in sorted(found)]


def _answers(house: House, found: dict[str, Facts]) -> None:
    """Add how long recalls took to be answered, and how many are late."""
    recipients = {
        name: document["recipient"] for _, name, _, document in house.ledger.objects("disclosure")
    }
    now = to_us(house.now())
    for _, key, at, recall in house.ledger.objects("recall"):
        if recall.get("withheld"):
            continue
        line = found[recipients[recall["disclosure"]]]
        answered = house.ledger.object("acknowledgement", key)
        if answered is None:
            line["late"] += now >= to_us(parse_instant(recall["document"]["due"]))
            continue
        took = (answered[1] - at) // 1_000_000
        line["longest_seconds"] = max(took, line["longest_seconds"] or 0)
