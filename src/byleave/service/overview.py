"""What anyone may read: policies, releases, the log's head (`byleave.pages.view.PublicOverview`)."""

from __future__ import annotations

from typing import Any, Final

from byleave.ids import format_instant, from_us
from byleave.service.certificate import find_certificate
from byleave.service.house import House
from byleave.service.taint import tainted

__all__ = ["public_overview"]

_POLICY: Final = (
    "document", "title", "kind", "effective", "announced", "recorded", "sha256", "language",
    "adds", "removes", "notice_window_days", "text",
)  # fmt: skip


def public_overview(
    house: House, *, operator: str, data_origin: str | None, trust: str, demo_members: list[Any]
) -> dict[str, Any]:
    """Return the public facts of a workspace.

    Args:
        house: The workspace's ports.
        operator: Who runs it.
        data_origin: `real` or `generated` in a demo.
        trust: Text of the trust file.
        demo_members: Members whose page a demo links, `{"ordinal", "label"}`.
    """
    head = house.log.checkpoint()
    late = frozenset(taint.release for taint in tainted(house))
    return {
        "operator": operator,
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "members": house.ledger.member_count(),
        "policies": [
            {
                **{field: document[field] for field in _POLICY if field in document},
                "version": document.get("label", document["version"]),
                "index": index,
            }
            for index, _, _, document in reversed(house.ledger.objects("policy"))
        ],
        "releases": [
            _release(house, index, name, at, document, late)
            for index, name, at, document in reversed(house.ledger.objects("release"))
        ],
        "data_origin": data_origin,
        "trust": trust,
        "demo_members": demo_members,
    }


def _release(
    house: House,
    index: int,
    name: str,
    at: int,
    document: Any,  # noqa: ANN401
    late: frozenset[str],
) -> dict[str, Any]:
    snapshot: Any = house.ledger.object("snapshot", document["snapshot"])
    gate: Any = house.ledger.object_at(snapshot[2]["gate"])
    reasons = sorted(gate[3]["reasons"].items(), key=lambda item: (-item[1], item[0]))
    return {
        "release": name,
        "index": index,
        "at": format_instant(from_us(at)),
        "model": document["model"],
        "trainer": document["trainer"],
        "exact": document["exact"],
        "use": document["use"],
        "snapshot": document["snapshot"],
        "snapshot_index": snapshot[0],
        "rows": snapshot[2]["records"],
        "members": snapshot[2]["members"],
        "gate_rows": gate[3]["rows"],
        "reasons": [{"code": code, "rows": rows} for code, rows in reasons],
        "parent": document["parent"],
        "superseded_by": document["superseded_by"],
        "tainted": name in late,
        "proof": f"{'lineage' if find_certificate(house, name) is None else 'certificate'}-{name}",
    }
