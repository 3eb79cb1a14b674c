"""Make a workspace: its folder, keys, trust file, ledger, and in a demo its witnesses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from byleave.errors import ByleaveError, ConflictError
from byleave.note.keys import SignerKey
from byleave.note.trust import Group, parse_trust
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from byleave.stores.artefacts import translate, write_file
from byleave.wiring.config import KEYS, Config, Places
from byleave.wiring.ledgers import create_ledger, discard_ledger
from byleave.wiring.log_nouns import TRUST_REMARK
from byleave.wiring.notice_key import make_notice_key
from byleave.wiring.tiles import check_bucket
from byleave.wiring.witness import WitnessHouse, make_witness
from byleave.wiring.workspace import Workspace
from byleave.wiring.world import SeededBytes, system_bytes, system_now

__all__ = ["create"]

_SEED_BYTES: Final = 32


def create(
    path: str | Path,
    *,
    origin: str = "localhost/byleave",
    operator: str = "this platform",
    ledger: str | None = None,
    taxonomy: str | None = None,
    seed: int | None = None,
    data_origin: str | None = None,
    witnesses: int = 0,
    tiles: str | None = None,
    now: Callable[[], datetime] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Workspace:
    """Make an empty workspace and open it.

    Args:
        path: A folder that does not exist, or is empty.
        origin: Origin of its log: a host name and path you control.
        operator: Who runs it, as pages name them.
        ledger: `postgresql://…` of an empty database (or schema), without a password; default a
            file in the folder.
        taxonomy: The operator's own terms (YAML text), added to the default taxonomy.
        seed: Make all secrets from a seed: a demo, which serves on loopback only.
        data_origin: `real` or `generated`, in a demo.
        witnesses: How many witnesses a demo makes in its own folder; its trust file asks for all.
        tiles: `s3://BUCKET/PREFIX` for the log's files; default a folder.
        now: Clock; default this machine's.
        progress: As for `open`.

    Raises:
        ConflictError: `workspace.exists`, something is there already.
        InputError: `note.key`, the origin is no log name; `workspace.ledger-url`; codes of the
            taxonomy.
        WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
    """
    root = Path(path)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ConflictError(
            "something stands there already", code="workspace.exists", where=str(root)
        )
    random = system_bytes if seed is None else SeededBytes(seed)
    places = Places(root)
    made = not root.exists()
    config = Config(
        origin=origin,
        operator=operator,
        demo=seed is not None,
        data_origin=data_origin,
        ledger=ledger,
        tiles=tiles,
    )
    made_ledger = False
    try:
        _lay_out(places, config, taxonomy, random)
        # a stream of its own: the other secrets of a seed stay what they were
        fresh = system_bytes if seed is None else SeededBytes(seed, stream="notice")
        make_notice_key(places, origin, fresh(_SEED_BYTES))
        if seed is not None:
            _add_witnesses(places, origin, witnesses, seed)
        if tiles is not None:
            check_bucket(tiles)
        create_ledger(places, config)
        made_ledger = True
        workspace = Workspace(
            places,
            config,
            now=now or system_now,
            random=random,
            progress=progress,
            read_only=False,
        )
        workspace.policy.publish_rules()
    except BaseException as error:
        if made_ledger:
            with suppress(ByleaveError):
                discard_ledger(config)
        shutil.rmtree(root, ignore_errors=True) if made else _clear(root)
        if isinstance(error, OSError):
            raise translate(error, root) from error
        raise
    return workspace


def _lay_out(
    places: Places, config: Config, taxonomy: str | None, random: Callable[[int], bytes]
) -> None:
    places.root.mkdir(parents=True, exist_ok=True)
    for name in KEYS:
        key = SignerKey(
            name=config.origin if name == "log" else f"{config.origin}/{name}",
            seed=random(_SEED_BYTES),
        )
        write_file(places.key(name), (key.format() + "\n").encode(), private=True)
        if name == "log":
            trust = f"# {TRUST_REMARK}\nlog {key.verifier}\nquorum none\n"
            write_file(places.trust, trust.encode())
    if taxonomy is not None:
        default_taxonomy().extend(read_mapping(taxonomy, name="taxonomy.yaml"))
        write_file(places.root / "taxonomy.yaml", taxonomy.encode())
    config.write(places)


def _add_witnesses(places: Places, origin: str, count: int, seed: int) -> None:
    """Make witnesses in the workspace's own folder, and ask for all of them in its trust file."""
    if not count:
        return
    trust = parse_trust(places.trust.read_bytes())
    host = origin.partition("/")[0]
    keys = {}
    for number in range(1, count + 1):
        folder = places.witnesses / f"W{number}"
        name = f"witness-{number}.{host}"
        # streams of their own: the other secrets of a seed stay what they were
        random = SeededBytes(seed, stream=f"witness-{number}")
        keys[f"W{number}"] = make_witness(folder, name, random=random)
        WitnessHouse(folder).follow(trust.logs)
    group = Group(count, tuple(keys))
    whole = replace(trust, witnesses=keys, groups={"witnesses": group}, quorum="witnesses")
    remark = (
        f"{TRUST_REMARK}\nIts witnesses stand in the demo's own folder: they vouch for nothing."
    )
    write_file(places.trust, whole.format(remark=remark).encode())


def _clear(root: Path) -> None:
    for item in root.iterdir():
        shutil.rmtree(item) if item.is_dir() else item.unlink()
