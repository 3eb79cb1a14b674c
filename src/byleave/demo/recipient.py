"""The provider of the replay: a process of its own, with its own folder and keys.

    python -m byleave.demo.recipient FOLDER OUTBOX INSTANT

It does what `byleave disclosure pull`, `obey` and `acknowledge` do, at an instant of the replay,
and prints what it did as one JSON object. The platform's workspace is not given to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from byleave.errors import EvidenceError, WorldError
from byleave.ids import format_instant, parse_instant

__all__ = ["RecipientProcess"]

_SECONDS: Final = 120


class RecipientProcess:
    """What the platform's side knows of the provider: a card, and a folder to put things in.

    Args:
        root: The workspace; what passes between the two lies in it, so that it can be looked at.
        recipient: The provider's name.
    """

    def __init__(self, root: Path, recipient: str) -> None:
        self.folder = root / "recipient"
        self.outbox = root / "outbox"
        self.recipient = recipient

    def make(self, trust: bytes, seed: int) -> bytes:
        """Make the provider's folder from a seed, as all of a demo; return its card.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        from byleave.wiring.recipient import make_recipient
        from byleave.wiring.world import SeededBytes

        random = SeededBytes(seed, stream="recipient")
        make_recipient(self.folder, self.recipient, trust, random=random)
        return (self.folder / "card.json").read_bytes()

    def run(self, at: datetime) -> dict[str, Any]:
        """Let the provider pull, obey and answer, in a process of its own.

        Raises:
            EvidenceError: `verify.own-proof`, it refused what it was given.
            WorldError: `world.storage`, it did not run.
        """
        done = subprocess.run(  # noqa: S603 (our own program)
            [
                sys.executable,
                "-I",
                "-m",
                "byleave.demo.recipient",
                str(self.folder.absolute()),
                str(self.outbox.absolute()),
                format_instant(at),
            ],
            cwd=self.folder,
            env={},
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            raise WorldError(
                "the provider's process failed",
                code="world.storage",
                where=done.stderr.decode(errors="replace")[-300:],
            )
        said: dict[str, Any] = json.loads(done.stdout)
        if said["refused"]:
            raise EvidenceError(
                "the provider refused what it was given",
                code="verify.own-proof",
                where=", ".join(said["refused"]),
            )
        return said


def main(folder: str, outbox: str, at: str) -> int:
    """Pull, obey, answer; print what was done."""
    from byleave.wiring.recipient import RecipientFolder

    instant = parse_instant(at)
    mine = RecipientFolder(Path(folder), now=lambda: instant)
    theirs = mine.outbox(outbox)
    pulled = mine.pull(theirs)
    obeyed = mine.obey()
    mine.sign_answers()
    sent = mine.acknowledge(theirs)
    refused = [*(e.code for _, e in pulled.refused), *(e.code for _, e in sent if e is not None)]
    said = {
        "held": list(pulled.packages),
        "obeyed": [
            {"order": d["order"], "deleted": d["deleted"], "left": d["left"]} for d in obeyed
        ],
        "sent": [name for name, _ in sent],
        "refused": refused,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:4]))
