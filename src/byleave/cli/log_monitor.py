"""What `byleave log monitor` does and says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from byleave.cli.output import Progress, emit
from byleave.errors import EvidenceError, InputError
from byleave.evidence.fork import MAX_FORK_BYTES, parse_fork
from byleave.evidence.receipt import MAX_RECEIPT_BYTES, parse_receipt
from byleave.note.checkpoint import parse_checkpoint
from byleave.note.signed import parse_note
from byleave.note.trust import Trust
from byleave.tlog.monitor import MAX_STATE_BYTES, ForkError, Monitor, MonitorState, parse_state
from byleave.wiring.tiles import read_tiles
from byleave.wiring.watch import keep

__all__ = ["check_fork", "visit"]

ReadT = TypeVar("ReadT")


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What a visit tells the holder of a receipt: whether there is one, the newest directory, buckets."""

    watched: bool
    directory: dict[str, int] | None
    buckets: list[dict[str, Any]]

    def lines(self) -> list[str]:
        said = [
            f"  NEW   entry {b['index']:,}: snapshot {b['snapshot']}: your bucket is"
            f" {b['bucket']:,} of {b['of']:,}"
            + "".join(f"; release {name} was trained on it" for name in b["releases"])
            for b in self.buckets
        ]
        if self.buckets:
            said.append(
                "  whether a bucket lists you, a proof says: ask the platform for one,"
                " and run byleave verify"
            )
        if self.directory is not None:
            at = self.directory
            said.append(
                f"  NEW   entry {at['index']:,}: directory {at['number']:,}: ask the platform for"
                " its proof that your enrolment is the one it lists"
            )
        if self.watched and not said:
            said.append("  nothing new about the holder of this receipt")
        return said


def visit(
    address: str, trust: Trust, state: Path, *, receipt: Path | None, fork: Path, as_json: bool
) -> int:
    """Visit a log once, keep the state as it goes, and tell; return how many findings there are.

    Raises:
        ByleaveError: What `Monitor.visit` raises. The state keeps what was verified before.
    """
    before = _read(parse_state, state, MAX_STATE_BYTES) if state.exists() else MonitorState()
    held = None if receipt is None else _read(parse_receipt, receipt, MAX_RECEIPT_BYTES)
    monitor = Monitor(read_tiles(address), trust, before, receipt=held)
    progress = Progress()
    try:
        for now in monitor.visit():
            keep(state, now.encode())
            progress("reading entries", now.next, _size(now))
    except ForkError as error:
        keep(state, monitor.state.encode())
        keep(fork, error.proof.encode())
        error.where = str(fork)
        error.hint = f"anybody can check it: byleave log monitor --check {fork} --trust FILE"
        raise
    finally:
        progress.close()
    directory = monitor.new_directory()
    news = _News(watched=held is not None, directory=directory, buckets=monitor.buckets())
    keep(state, monitor.state.encode())
    _tell(before, monitor.state, news, as_json=as_json)
    return len(monitor.state.findings)


def check_fork(trust: Trust, path: Path, *, as_json: bool) -> None:
    """Check a fork proof and tell.

    Raises:
        EvidenceError: It proves nothing.
    """
    fork = _read(parse_fork, path, MAX_FORK_BYTES).check(trust.logs)
    pair = [{"size": at.size, "root": at.root.hex()} for at in (fork.first, fork.second)]
    emit(
        {"forked": True, "origin": fork.first.origin, "checkpoints": pair},
        schema="byleave/fork/v1",
        as_json=as_json,
        lines=lambda: [
            f"FORKED: {fork.first.origin} signed both of these, and they cannot both be true",
            *(f"  size {at['size']:,}  root {at['root']}" for at in pair),
        ],
    )


def _tell(
    before: MonitorState,
    now: MonitorState,
    news: _News,
    *,
    as_json: bool,
) -> None:
    findings = [finding.to_dict() for finding in now.findings]
    size, last = _size(now), _size(before)

    def lines() -> list[str]:
        said = [f"{size:,} entries, {size - last:,} of them new"]
        if before.checkpoint is not None:
            said[0] += "; the log extends what was seen before"
        said += [
            f"  FAIL  entry {f['index']:,}: {f['code']}: {f['what']}"
            + ("" if f["earlier"] is None else f" (first in entry {f['earlier']:,})")
            for f in findings
        ]
        said += news.lines()
        return said

    emit(
        {
            "size": size,
            "new": size - last,
            "ok": not findings,
            "findings": findings,
            "watch": news.buckets,
            "directory": news.directory,
        },
        schema="byleave/log-monitor/v1",
        as_json=as_json,
        lines=lines,
    )


def _size(state: MonitorState) -> int:
    note = state.checkpoint
    return 0 if note is None else parse_checkpoint(parse_note(note).text).size


def _read(parse: Callable[[bytes], ReadT], path: Path, limit: int) -> ReadT:
    """Return what a file says; an error names the file."""
    data = _bounded(path, limit)
    try:
        return parse(data)
    except EvidenceError as error:
        error.where = error.where or str(path)
        raise


def _bounded(path: Path, limit: int) -> bytes:
    """Return a file's bytes; one over the limit is refused by its size, unread."""
    try:
        if path.stat().st_size > limit:
            raise EvidenceError(
                "the file is longer than any of its kind", code="proof.too-large", where=str(path)
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "the file cannot be read", code="input.not-found", where=str(path)
        ) from error
