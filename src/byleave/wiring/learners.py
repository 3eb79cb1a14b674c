"""Trainers of the operator's own: where their code lies, what made them, when it is loaded.

A file `NAME.py` in the workspace's folder `trainers/` has a function `trainer(workspace)` that
returns a trainer of that name. It is run when the trainer is asked for, and not at opening: pages
and proofs need none of it. Whoever can write that folder could read the keys beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

from byleave.canonical import Json, sha256
from byleave.errors import InputError
from byleave.training.measurements import check_exactness
from byleave.training.trainer import Trainer
from byleave.wiring.environment import environment

__all__ = ["OwnTrainers", "load_trainer", "made_by"]

_ALWAYS: Final = ("numpy", "pyarrow")


class OwnTrainers(Mapping[str, Trainer[Any]]):
    """Trainers by name: those at hand, and those of files, loaded when asked for.

    Args:
        ready: Name → trainer.
        folder: Where files `NAME.py` lie.
        load: Makes the trainer of one file.
    """

    def __init__(
        self,
        ready: Mapping[str, Trainer[Any]],
        folder: Path,
        load: Callable[[Path], Trainer[Any]],
    ) -> None:
        self._ready = dict(ready)
        self._folder = folder
        self._load = load

    def __getitem__(self, name: str) -> Trainer[Any]:
        if name not in self._ready:
            path = self._folder / f"{name}.py"
            if name not in self._names():
                raise KeyError(name)
            self._ready[name] = self._load(path)
        return self._ready[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ready or name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._ready, *self._names()}))

    def __len__(self) -> int:
        return len({*self._ready, *self._names()})

    def beside(self, trainer: Trainer[Any]) -> OwnTrainers:
        """Return these and one more."""
        return OwnTrainers({**self._ready, trainer.name: trainer}, self._folder, self._load)

    def _names(self) -> list[str]:
        return [path.stem for path in self._folder.glob("*.py")]


def load_trainer(path: Path, workspace: object) -> Trainer[Any]:
    """Run a file and return what its `trainer(workspace)` makes.

    Raises:
        InputError: `trainer.file`, the file does not run, has no such function, or what it
            returns is no trainer; `training.measurements`, it is not exact and says not how far
            from it.
    """
    name = f"byleave_trainer_{path.stem}_{sha256(str(path).encode()).hex()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _no_trainer(path, "it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles of its own look it up there
    try:
        spec.loader.exec_module(module)
        made = module.trainer(workspace)
    except Exception as error:
        sys.modules.pop(name, None)
        raise _no_trainer(path, f"{type(error).__name__}: {error}") from error
    if not all(hasattr(made, part) for part in ("name", "columns", "exact", "fit", "forget")):
        raise _no_trainer(path, "what trainer(workspace) returns is no trainer")
    trainer: Trainer[Any] = made
    check_exactness(trainer)
    return trainer


def made_by(learner: object, packages: Sequence[str]) -> Mapping[str, Json]:
    """Return the digest of a learner's code, and the environment it runs in.

    The code is the file that defines its class (where there is none, as in a notebook, the
    class's compiled functions); what that imports is covered by the versions of packages.

    Args:
        learner: An object of the class.
        packages: Distributions whose version counts, beside NumPy and PyArrow.

    Raises:
        InputError: `trainer.package`, one of them is not installed.
    """
    versions: dict[str, Json] = {}
    for name in sorted({*_ALWAYS, *packages}):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            raise InputError(
                f"the package {name} is not installed",
                code="trainer.package",
                hint="name distributions as pip does: scikit-learn, torch",
            ) from error
    here = environment()
    kept = ("cpu", "implementation", "machine", "python", "system")
    return {
        "code": _code(type(learner)),
        "environment": {**{name: here[name] for name in kept}, "packages": versions},
    }


def _code(kind: type) -> str:
    try:
        source = inspect.getsourcefile(kind)
    except (OSError, TypeError):
        source = None
    if source is not None and Path(source).is_file():
        return sha256(Path(source).read_bytes()).hex()
    state = hashlib.sha256()
    for name, member in sorted(vars(kind).items()):
        if isinstance(member, FunctionType):
            state.update(name.encode())
            _compiled(member.__code__, state.update)
        elif isinstance(member, str | int | float | tuple):
            state.update(f"{name}={member!r}".encode())
    return state.hexdigest()


def _compiled(code: CodeType, update: Callable[[bytes], object]) -> None:
    update(code.co_code)
    update(repr((code.co_names, code.co_varnames, code.co_freevars)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _compiled(constant, update)
        else:
            update(repr(constant).encode())


def _no_trainer(path: Path, why: str) -> InputError:
    return InputError(
        f"not a trainer's file: {why}",
        code="trainer.file",
        where=path.name,
        hint="it has a function trainer(workspace) that returns workspace.sharded(YourLearner())",
    )
