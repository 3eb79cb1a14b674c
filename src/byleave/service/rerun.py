"""What an auditor needs to do over what was done: each release's digests, each gate's, commands.

The commands are those of the package; they run where the sealed data lies (docs/spec/refit.md).
"""

from __future__ import annotations

from typing import Any, Final

from byleave.evidence.entry import RecipeEntry, parse_entry
from byleave.ids import format_instant, from_us
from byleave.service.house import House
from byleave.service.lineage import upstream

__all__ = ["rerun_facts"]

LAST: Final = 50
"""Gates that are listed, the newest."""

Facts = dict[str, Any]


def rerun_facts(house: House) -> Facts:
    """Return releases and gates, newest first, each with what repeats it.

    Cost: the chain of snapshots of every release.
    """
    gates = house.ledger.objects("gate")
    return {
        "releases": [
            _release(house, name, at, document)
            for _, name, at, document in reversed(house.ledger.objects("release"))
        ],
        "gates": [
            {
                "gate": name,
                "index": index,
                "at": format_instant(from_us(at)),
                "source": document["source"],
                "use": document["use"],
                "ledger": document["ledger"],
                "rows": document["rows"],
                "kept": document["kept"],
                "plan": document["plan"],
                "commands": [f"byleave gate replay {name}"],
            }
            for index, name, at, document in gates[: -LAST - 1 : -1]
        ],
        "gates_in_all": len(gates),
    }


def _release(house: House, name: str, at: int, document: Facts) -> Facts:
    above = upstream(house, name)
    run: Any = house.ledger.object("run", document["run"])
    environment = run[2].get("environment") or {}
    snapshot, gate = above["snapshots"][0], above["gates"][0]
    return {
        "release": name,
        "index": above["index"],
        "at": format_instant(from_us(at)),
        "model": document["model"],
        "trainer": document["trainer"],
        "exact": document["exact"],
        "superseded_by": document["superseded_by"],
        "snapshot": snapshot["snapshot"],
        "snapshot_index": snapshot["index"],
        "root": snapshot["root"],
        "records": snapshot["records"],
        "recipe_index": above["run"]["index"],
        "recipe": _recipe(house, above["run"]["index"]),
        "lock": environment.get("lock"),
        "runs_on": [
            f"{environment[key]}" if key == "system" else f"{key} {environment[key]}"
            for key in ("system", "python", "machine")
            if key in environment
        ],
        "packages": [
            {"name": package, "version": version}
            for package, version in sorted(environment.get("packages", {}).items())
        ],
        "gate": gate["gate"],
        "gate_index": gate["index"],
        "commands": [
            f"byleave gate replay {gate['gate']}",
            f"byleave snapshot fsck {snapshot['snapshot']}",
            f"byleave release refit {name}",
        ],
    }


def _recipe(house: House, index: int) -> str:
    """Return the digest that was logged before the fit."""
    return parse_entry(house.ledger.read(index, index + 1)[0], RecipeEntry).recipe.hex()
