"""The environment of a fit as something to install again, and what is not the same in another.

A run records every installed distribution: its version, and a digest of its files as its wheel
brought them. The digest tells two builds of one version apart, and is the same wherever the wheel is
installed; it is not the wheel's own hash, which an installation does not keep. For an installation
that checks hashes these come from a lock file whose versions are compared (docs/spec/refit.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from byleave.canonical import Json
from byleave.errors import ConflictError, RefusedError

__all__ = ["differences", "lock_hashes", "refuse_other_environment", "requirements"]

_PART: Final = "distributions"
_NAME: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_SHOWN: Final = 12


def differences(then: Mapping[str, Json], now: Mapping[str, Json]) -> tuple[str, ...]:
    """Say, a line each, what is not the same in two environments: distributions one by one.

    Args:
        then: As it was recorded.
        now: As it is.
    """
    names = sorted({*then, *now} - {_PART, "lock", "packages"})
    found = [
        f"{name}: {then.get(name)} → {now.get(name)}" for name in names if _other(then, now, name)
    ]
    before, after = _distributions(then), _distributions(now)
    if before is None or after is None:
        found += [
            f"{n}: {then.get(n)} → {now.get(n)}" for n in ("packages",) if _other(then, now, n)
        ]
        return tuple(found)
    for name in sorted({*before, *after}):
        was, is_ = before.get(name), after.get(name)
        if was == is_:
            continue
        if was is None or is_ is None:
            found.append(
                f"{name}: {was[0] if was else 'not there'} → {is_[0] if is_ else 'not there'}"
            )
        elif was[0] != is_[0]:
            found.append(f"{name}: {was[0]} → {is_[0]}")
        else:
            found.append(f"{name} {was[0]}: the same version, other files")
    return tuple(found)


def refuse_other_environment(then: Mapping[str, Json] | None, now: Mapping[str, Json]) -> None:
    """Refuse a refit where it would not run in what the release was fitted in.

    Raises:
        RefusedError: `release.environment`, with what differs.
        ConflictError: `release.environment-unknown`, it was not recorded.
    """
    if then is None or _distributions(then) is None:
        raise _unknown()
    found = differences(then, now)
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise RefusedError(
            "not the environment of the release: " + "; ".join(found[:_SHOWN]) + more,
            code="release.environment",
            hint="install what `byleave release environment` prints, or leave the option away",
        )


def requirements(
    release: str, environment: Mapping[str, Json] | None, hashes: Mapping[str, Sequence[str]]
) -> tuple[str, tuple[str, ...]]:
    """Return a requirements file of an environment, and what in it no hash is known of.

    Args:
        release: Its id, for the first line.
        environment: As it was recorded.
        hashes: `name==version` → `sha256:…` of its wheels, as `lock_hashes` returns; where there
            are any, what has none becomes a comment, since pip takes all with hashes or none.

    Raises:
        ConflictError: `release.environment-unknown`.
    """
    held = None if environment is None else _distributions(environment)
    if environment is None or held is None:
        raise _unknown()
    lines, bare = [], []
    for name in sorted(held):
        pin = f"{name}=={held[name][0]}"
        known = hashes.get(pin, ())
        if known:
            lines.append(" \\\n".join([pin, *(f"    --hash={one}" for one in sorted(known))]))
        else:
            bare.append(pin)
            lines.append(f"# no hash known: {pin}" if hashes else pin)
    where = ", ".join(f"{key} {environment.get(key)}" for key in ("system", "machine", "threads"))
    head = [
        f"# What {release} was fitted in: Python {environment.get('python')},",
        f"# {where}.",
        f"# {len(held)} distributions"
        + (
            f", {len(held) - len(bare)} with hashes: pip install --require-hashes -r"
            if hashes
            else ""
        ),
    ]
    return "\n".join([*head, *lines]) + "\n", tuple(bare)


def lock_hashes(text: str) -> dict[str, list[str]]:
    """Return `name==version` → hashes of a lock file as pip, pip-tools and uv write it."""
    found: dict[str, list[str]] = {}
    for block in text.replace("\\\n", " ").splitlines():
        named = _NAME.match(block.strip())
        if named:
            pin = f"{_plain(named[1])}=={named[2]}"
            found.setdefault(pin, []).extend(_HASH.findall(block))
    return {pin: hashes for pin, hashes in found.items() if hashes}


def _plain(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _other(then: Mapping[str, Json], now: Mapping[str, Json], name: str) -> bool:
    return then.get(name) != now.get(name)


def _distributions(environment: Mapping[str, Any]) -> Mapping[str, tuple[str, str]] | None:
    held = environment.get(_PART)
    return None if held is None else {name: (one[0], one[1]) for name, one in held.items()}


def _unknown() -> ConflictError:
    return ConflictError(
        "the distributions that the release was fitted with were not recorded",
        code="release.environment-unknown",
        hint="releases say it since this version of Byleave",
    )
