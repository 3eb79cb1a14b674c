"""Read a clone of an Open Terms Archive *versions* repository, through the git program.

One pass over the history lists every commit with the files it touched, one `cat-file --batch`
reads the texts. The clone is somebody else's data: no hook, filter, pager or signature program
that its configuration names is run, and nothing is written to it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Self

from byleave.errors import InputError, WorldError

__all__ = ["RecordedFile", "head_of", "read_versions"]

_SAFE: Final = (
    "--no-pager",
    "--no-optional-locks",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "log.showSignature=false",
    "-c", "core.quotePath=false",
    "-c", "safe.directory=*",
)  # fmt: skip
_COMMIT: Final = b"\x01"
_FILE_MODES: Final = frozenset({"100644", "100755"})
_ABSENT: Final = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """One file as one commit left it.

    Attributes:
        path: Path in the repository.
        commit: Full hash.
        recorded: Author date.
        subject: First line of the message.
        text: The exact bytes.
    """

    path: str
    commit: str
    recorded: datetime
    subject: str
    text: bytes


def head_of(folder: Path) -> str:
    """Return the full hash of the clone's head.

    Raises:
        InputError: `ota.not-a-repository`.
        WorldError: `ota.git`.
    """
    return _git(folder, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()


def read_versions(folder: Path, *, service: str | None = None) -> Iterator[RecordedFile]:
    """Yield every recorded text of a clone, path by path, each in the order of its history.

    Texts are Markdown files in a folder (`SERVICE/TERMS.md`); other files, links, deletions and
    merges are passed over.

    Args:
        folder: The clone, bare or with a working tree.
        service: Read this service's folder alone.

    Raises:
        InputError: `ota.not-a-repository`; `input.not-found`, no such service in it.
        WorldError: `ota.git`, git is missing or failed.
    """
    head_of(folder)
    paths = [] if service is None else [f":(top,literal){service}"]
    listed = sorted(_listed(folder, paths), key=lambda row: row[4])  # stable: history within
    if service is not None and not listed:
        raise InputError(
            f"the clone holds no text of {service[:60]!r}",
            code="input.not-found",
            where=str(folder),
        )
    with _reader(folder) as reader:
        for commit, recorded, subject, blob, path in listed:
            yield RecordedFile(
                path=path,
                commit=commit,
                recorded=recorded,
                subject=subject,
                text=_read(reader, blob, folder),
            )


def _listed(folder: Path, paths: list[str]) -> Iterator[tuple[str, datetime, str, str, str]]:
    """Yield (commit, author date, subject, blob, path) of every text a commit added or changed."""
    out = _git(
        folder, "log", "--reverse", "--no-merges", "--no-renames", "--no-ext-diff", "--raw",
        "--no-abbrev", "-z", f"--format={_COMMIT.decode()}%H%x00%aI%x00%s", "--root", "HEAD",
        "--", *paths,
    )  # fmt: skip
    for chunk in out.split(_COMMIT)[1:]:
        commit, date, rest = chunk.split(b"\0", 2)
        subject, *fields = [part.lstrip(b"\n") for part in rest.split(b"\0")]
        recorded = datetime.fromisoformat(date.decode()).astimezone(UTC)
        for meta, path in zip(fields[::2], fields[1::2], strict=False):
            parts = meta.decode("ascii", "replace").lstrip(":").split(" ")
            name = path.decode("utf-8", "backslashreplace")  # two names stay two
            is_text = "/" in name and name.endswith(".md") and not name.startswith(".")
            if is_text and len(parts) == 5 and parts[1] in _FILE_MODES and parts[3] != _ABSENT:
                words = subject.decode("utf-8", "replace")
                yield commit.decode(), recorded, words, parts[3], name


class _Batch:
    """A `git cat-file --batch` that is asked for one text after another."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self._process.wait()

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        """What it is asked on, and what it answers on."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None  # noqa: S101 (both are pipes)
        assert answered is not None  # noqa: S101
        return asked, answered


def _reader(folder: Path) -> _Batch:
    return _Batch(
        subprocess.Popen(  # noqa: S603
            [*_program(folder), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(folder),
        )
    )


def _read(reader: _Batch, blob: str, folder: Path) -> bytes:
    asked, answered = reader.streams
    try:
        asked.write(f"{blob}\n".encode())
        asked.flush()
        header = answered.readline().split()
        size = int(header[2]) if len(header) == 3 and header[1] == b"blob" else -1
        text = answered.read(size + 1)[:-1] if size >= 0 else b""
    except (OSError, ValueError):
        size, text = -1, b""
    if size != len(text):
        raise WorldError("git could not read a text", code="ota.git", where=str(folder))
    return text


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603
            [*_program(folder), *arguments],
            capture_output=True,
            check=False,
            env=_environment(folder),
        )
    except OSError as error:
        raise WorldError(
            "the git program cannot be started", code="ota.git", hint="install git"
        ) from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace")
        if (
            "not a git repository" in words
            or "Needed a single revision" in words
            or ("cannot change to" in words)
        ):
            raise InputError(
                "the folder is no git clone with a commit",
                code="ota.not-a-repository",
                where=str(folder),
            )
        raise WorldError("git failed", code="ota.git", where=str(folder), hint=words[:200])
    return done.stdout


def _program(folder: Path) -> list[str]:
    return ["git", "-C", str(folder), *_SAFE]


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment without what would point git elsewhere, or above the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent),
        "LC_ALL": "C",
    }
