"""`byleave demo`: eight steps through the real services, a report, and a workspace that stays.

Everything is made in a folder beside the final one and moved there at the end: an interrupted
demo leaves nothing, and an earlier demo stands until the new one is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from byleave.demo import scenes
from byleave.demo.folder import finished_folder
from byleave.demo.input import Input, load_input
from byleave.demo.outcome import Outcome, as_json, as_report
from byleave.demo.population import draw
from byleave.demo.story import Story
from byleave.demo.texts import TAXONOMY
from byleave.wiring import create
from byleave.wiring.world import ReplayClock

__all__ = ["run"]

START: Final = datetime(2024, 7, 1, tzinfo=UTC)
ORIGIN: Final = "replay.invalid/byleave"
"""A log name that can never resolve (RFC 2606): the replay is nobody's log."""


def run(
    *,
    workspace: Path,
    data: Path | None,
    seed: int,
    tell: Callable[[str], None],
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Replay the year of the case; return the facts that `--json` prints.

    Args:
        workspace: Where to leave the workspace: absent, empty, or an earlier demo.
        data: Folder that holds the data sets' folders, or None (`wiring.data`).
        seed: What everything generated is drawn from; two runs give the same digests.
        tell: Takes one line for people.
        progress: Called with (what, done, total).

    Raises:
        InputError: Codes `data.*`.
        ConflictError: `workspace.exists`, `workspace.busy`.
    """
    from byleave.pages.report import render_report

    with finished_folder(workspace) as folder:
        found = load_input(data, seed, progress)
        story = Story(tell)
        _say_what_is_real(tell, found, seed)
        clock = ReplayClock(START)
        ws = create(
            folder,
            origin=ORIGIN,
            operator="the platform of the replay",
            taxonomy=TAXONOMY,
            seed=seed,
            data_origin=found.origin,
            witnesses=2,
            now=clock,
            progress=progress,
        )
        with ws:
            outcome = Outcome(
                seed=seed, input=found, population=draw(found.members, seed), ws=ws, clock=clock
            )
            for scene in scenes.ALL:
                scene(outcome, story)
            ws.write("report.html", render_report(as_report(outcome, story)).encode())
        result = as_json(outcome, workspace.absolute())
    _say_where(tell, workspace, result)
    return result


def _say_what_is_real(tell: Callable[[str], None], found: Input, seed: int) -> None:
    tell(
        f"Replay of 2024, seed {seed}: {len(found.members):,} people,"
        f" {found.table.num_rows:,} messages"
    )
    if found.origin != "real":
        tell("")
        tell("   !! GENERATED DATA: the real messages were not found and could not be downloaded.")
        tell("   !! Numbers below are about made-up people. Give --data DIR for the real set.")
        tell("")
    for note in found.notes:
        tell(f"   {note}")
    width = max(len(name) for name, _, _ in found.fields)
    for name, real, note in found.fields:
        tell(
            f"   {'real     ' if real else 'generated' if 'drawn' in note or 'our own' in note or found.origin != 'real' else 'derived  '}"
            f"  {name:<{width}}  {note}"
        )


def _say_where(tell: Callable[[str], None], workspace: Path, result: dict[str, Any]) -> None:
    proof = next(p for p in result["proofs"] if p["kind"] == "absence")
    tell("")
    tell("Left behind, for you to try:")
    tell(f"   {workspace / 'report.html'}   the report, with charts")
    tell(f"   byleave serve --workspace {workspace}   the members' and the public pages")
    tell(f"   byleave verify {proof['path']} \\")
    tell(f"       --trust {result['trust']} \\")
    tell(f"       --receipt {proof['receipt']}")
    tell(f"   byleave fsck --workspace {workspace}   recompute everything")
