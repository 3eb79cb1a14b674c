"""The recipient's client under its public name, as the tutorial shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import byleave
import byleave.recipient
from byleave.wiring import recipient as own
from tests.docs.page import agrees, blocks, run
from tests.recipients import HOST, Site


def test_the_tutorials_program_runs(offered_site: Site, root: Path) -> None:
    """The Python of docs/tutorials/recipients.md runs as it stands and prints what stands below."""
    site = offered_site
    with site.open(hours=1) as ws:  # the terms of the first run out before today
        ws.disclosure.offer("messages", f"train.generative.replies/messages/{HOST}")
    with byleave.open(site.root / "ws", read_only=True) as ws:
        ws.disclosure.lay_out(HOST, site.root / "outbox")
    (site.root / "host").rename(site.root / "acme")
    page = (root / "docs" / "tutorials" / "recipients.md").read_text(encoding="utf-8")
    (block,) = blocks(page)
    assert len(block.text.splitlines()) <= 12
    assert block.prints is not None
    printed = run(block, site.root)
    assert agrees(printed, block.prints), printed
    assert list((site.root / "outbox" / "inbox").iterdir())


def test_the_public_names_are_the_client() -> None:
    """Every public name is the client's own; another is none."""
    for name in byleave.recipient.__all__:
        assert getattr(byleave.recipient, name) is getattr(own, name)
    with pytest.raises(AttributeError, match="Nothing"):
        _ = byleave.recipient.Nothing


def test_importing_it_loads_nothing_else() -> None:
    """Importing `byleave.recipient` loads neither Arrow nor any other room."""
    program = "import sys, byleave.recipient\nprint([m for m in sys.modules if m.startswith(('byleave.', 'pyarrow'))])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['byleave.recipient']"
