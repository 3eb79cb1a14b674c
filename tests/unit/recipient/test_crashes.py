"""A kill at any write of `obey`: running it again ends where an undisturbed run ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from byleave.stores.artefacts import replacing, write_file
from byleave.stores.outbox import FolderOutbox
from byleave.wiring import recipient
from byleave.wiring.recipient_files import rewrite_without
from tests.recipients import Site


class _KilledError(Exception):
    pass


def _recalled(held_site: Site) -> Site:
    held_site.withdraw(held_site.agreed[0], days=1)
    mine = held_site.recipient(days=2)
    mine.pull(FolderOutbox(held_site.lay_out(days=2)))
    return held_site


def _files(site: Site) -> dict[str, bytes]:
    root = site.root / "host"
    kept = [p for p in (root / "held").rglob("*") if p.is_file() and p.name != "package.json"]
    return {str(p.relative_to(root)): p.read_bytes() for p in kept}


@pytest.mark.parametrize("number", range(4))
def test_obeying_again_after_a_kill_ends_the_same(
    held_site: Site, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Killed before its n-th write, `obey` run again deletes the same rows and signs the same."""
    site = _recalled(held_site)
    whole = site.copy(site.root.parent / "whole")
    whole.recipient(days=2).obey()
    real, count = write_file, 0

    def dying(path: Path, data: bytes, *, private: bool = False) -> None:
        nonlocal count
        if count == number:
            raise _KilledError
        count += 1
        real(path, data, private=private)

    def dying_again(path: Path, labels: tuple[bytes, ...]) -> None:
        nonlocal count
        if count == number:
            raise _KilledError
        count += 1
        rewrite_without(path, labels)

    monkeypatch.setattr(recipient, "write_file", dying)
    monkeypatch.setattr(recipient, "rewrite_without", dying_again)
    with pytest.raises(_KilledError):
        site.recipient(days=2).obey()
    monkeypatch.undo()
    site.recipient(days=2).obey()
    assert _files(site) == _files(whole)
    drafts = [min((s.root / "host" / "drafts").glob("*.json")).read_bytes() for s in (site, whole)]
    assert drafts[0] == drafts[1]
    assert list((site.root / "host" / "orders").iterdir()) == []
    assert site.answered() == [None]


@pytest.mark.parametrize("number", range(5))
def test_pulling_again_after_a_kill_ends_the_same(
    offered_site: Site, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Killed before its n-th write, a package is either not held, or held whole after another pull."""
    site = offered_site
    out = FolderOutbox(site.lay_out())
    real, count = write_file, 0

    def dying(path: Path, data: bytes, *, private: bool = False) -> None:
        nonlocal count
        if count == number:
            raise _KilledError
        count += 1
        real(path, data, private=private)

    @contextmanager
    def dying_stream(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
        nonlocal count
        if count == number:
            raise _KilledError
        count += 1
        with replacing(path, private=private) as stream:
            yield stream

    monkeypatch.setattr(recipient, "write_file", dying)
    monkeypatch.setattr(recipient, "replacing", dying_stream)
    with pytest.raises(_KilledError):
        site.recipient().pull(out)
    monkeypatch.undo()
    assert site.recipient().held() == []
    assert site.recipient().pull(out).packages == (site.package,)
    assert site.recipient().held()[0].rows > 0


def test_orders_passed_on_once(held_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after an order went down and before the rows left: run again, it went down once."""
    site = held_site
    out = site.recipient(hours=4).pass_on(
        site.package, (site.root / "logs.registration").read_bytes()
    )
    _recalled(site)

    def dying(*_: object, **__: object) -> None:
        raise _KilledError

    monkeypatch.setattr(recipient, "write_file", dying)
    with pytest.raises(_KilledError):
        site.recipient(days=2).obey()
    monkeypatch.undo()
    assert len(list(out.glob("*.order"))) == 1
    site.recipient(days=2).obey()
    assert len(list(out.glob("*.order"))) == 1


def test_a_package_half_written_is_not_held(held_site: Site) -> None:
    """A folder without its state is no package held: the next pull writes it whole."""
    site = held_site
    place = site.root / "host" / "held" / site.package
    shutil.move(place / "state.json", site.root / "state.json")
    mine = site.recipient()
    assert mine.held() == []
    assert mine.pull(FolderOutbox(site.root / "out")).packages == (site.package,)
