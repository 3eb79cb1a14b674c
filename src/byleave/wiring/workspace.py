"""A workspace: made, opened, checked, closed.

Opening for writing takes the workspace's lock, removes what a crash left half written, and
publishes log entries that were durable but not yet published. Opening read-only does none of it.
"""

from __future__ import annotations

import hmac
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from byleave.engines.arrow import ArrowEngine
from byleave.engines.parquet import ParquetRows
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError
from byleave.note.keys import SignerKey
from byleave.note.trust import Group, Trust, parse_trust
from byleave.policy.ruleset import RuleBook, default_rules
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy
from byleave.service import rules
from byleave.service.erasure import finish, unfinished
from byleave.service.house import House
from byleave.service.snapshot import openings_of
from byleave.stores.artefacts import ArtefactFolder, translate, write_file
from byleave.stores.map_folder import MapFolder
from byleave.tlog.ports import TileStore
from byleave.trainers.content import ContentTrainer
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.sharded import ShardedTrainer, ShardLearner
from byleave.training.trainer import Trainer
from byleave.wiring.config import KEYS, KINDS, Config, Places, read_config, read_key
from byleave.wiring.kernel import building
from byleave.wiring.ledgers import KeptLedger, create_ledger, discard_ledger, open_ledger
from byleave.wiring.log import WorkspaceLog
from byleave.wiring.log_nouns import TRUST_REMARK, Logs
from byleave.wiring.notice_key import make_notice_key, read_notice_key
from byleave.wiring.nouns import (
    DEMO_MEMBERS,
    Consents,
    Directories,
    Disclosures,
    Gates,
    Members,
    Models,
    Notices,
    Policies,
    Proofs,
    Public,
    Releases,
    Rulesets,
    Snapshots,
    Sources,
    Withdrawals,
    operators_book,
)
from byleave.wiring.tiles import check_bucket, open_tiles
from byleave.wiring.witness import WitnessHouse, make_witness, quorum_of
from byleave.wiring.world import SeededBytes, WriteLock, system_bytes, system_now

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Workspace", "create", "open"]

_SEED_BYTES: Final = 32
_LEDGER_KINDS: Final = {
    "directories": "directory",
    "packages": "snapshot",
    "snapshots": "snapshot",
}
_PURGED: Final = frozenset({"directories", "runs"})


class Workspace:
    """One operator's ledgers, log, snapshots and models, behind the nouns of the command line.

    Close it, or use it in a `with` block; `byleave.open` and `byleave.create` make one.
    """

    def __init__(
        self,
        places: Places,
        config: Config,
        *,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        progress: Callable[[str, int, int], None] | None,
        read_only: bool,
    ) -> None:
        self.path = places.root
        self.places = places
        self.config = config
        self.now = now
        self.read_only = read_only
        self._lock = None if read_only else WriteLock(places.lock)
        try:
            self._ledger = open_ledger(places, config, read_only=read_only)
            signer = None if read_only else read_key(places, "log")
            trust = parse_trust(places.trust.read_bytes())
            self._artefacts = ArtefactFolder(places.root)
            self._log = WorkspaceLog(
                self._ledger,
                open_tiles(places, config),
                trust.logs[0],
                signer,
                hold=config.witness_down == "hold",
            )
            self.ask_witnesses(trust, wait=0)  # opening waits for nobody
            self.house = House(
                ledger=self._ledger,
                artefacts=self._artefacts,
                log=self._log,
                signer=ReleaseSigner(places, f"{config.origin}/release"),
                engine=ArrowEngine(),
                trainers={
                    "content": ContentTrainer(),
                    "jobs": JobsTrainer(),
                    "replies": RepliesTrainer(),
                },
                taxonomy=_taxonomy(places),
                rulebook=_rules(places),
                now=now,
                random=random,
                map_files=MapFolder,
                building=building(places.root),
                notice_key=lambda: read_notice_key(places, config.origin, make=not read_only),
                open_rows=ParquetRows.open,
                progress=progress or _silent,
                read_only=read_only,
            )
            if not read_only:
                self._heal()
                self.ask_witnesses(trust)
                self._log_rules()
        except BaseException:
            self.close()
            raise
        self._nouns()

    def _nouns(self) -> None:
        self.policy = Policies(self)
        self.notice = Notices(self)
        self.ruleset = Rulesets(self)
        self.member = Members(self)
        self.consent = Consents(self)
        self.source = Sources(self)
        self.gate = Gates(self)
        self.snapshot = Snapshots(self)
        self.model = Models(self)
        self.release = Releases(self)
        self.withdrawal = Withdrawals(self)
        self.disclosure = Disclosures(self)
        self.directory = Directories(self)
        self.proof = Proofs(self)
        self.log = Logs(self)
        self.public = Public(self)

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, {self._ledger.size():,} log entries)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_demo(self) -> bool:
        """Whether randomness came from a seed; such a workspace serves on loopback only."""
        return self.config.demo

    @property
    def ledger(self) -> KeptLedger:
        """The ledgers, for `fsck`."""
        return self._ledger

    @property
    def log_files(self) -> TileStore:
        """The log's files, for `fsck`."""
        return self._log.tiles

    @property
    def log_house(self) -> WorkspaceLog:
        """The log itself, for `ws.log`."""
        return self._log

    def ask_witnesses(self, trust: Trust, *, wait: float | None = None) -> None:
        """Have checkpoints cosigned by the witnesses of this trust file.

        Args:
            trust: The trust file.
            wait: Seconds for which they are asked again; None: as configured.
        """
        if not self.read_only:
            seconds = self.config.witness_wait if wait is None else wait
            self._log.ask(quorum_of(trust, self.places.witnesses, now=self.now, wait=seconds))

    def portal_key(self) -> bytes:
        """Return the 32 secret bytes that sign members' links."""
        return read_key(self.places, "portal").seed

    def use_trainer(self, trainer: Trainer[Any]) -> None:
        """Take a trainer of your own beside the built-in ones, for as long as this is open.

        Whoever opens the workspace to unlearn what it trained must bring it again.

        Raises:
            ConflictError: `workspace.exists`, a trainer of that name is there.
        """
        if trainer.name in self.house.trainers:
            raise ConflictError(
                f"a trainer named {trainer.name!r} is there already", code="workspace.exists"
            )
        trainers = {**self.house.trainers, trainer.name: trainer}
        self.house = replace(self.house, trainers=trainers)
        self._nouns()

    def sharded(
        self, learner: ShardLearner, *, shards: int = 10, slices: int = 4, epoch: int = 0
    ) -> ShardedTrainer:
        """Return a trainer of shards and slices over a learner of your own.

        Args:
            learner: Its state is bytes, the same bytes for the same rows and seed.
            shards: Into how many models members are dealt.
            slices: Checkpoints of each.
            epoch: Another number is another deal: for a fit from nothing after many withdrawals.
        """
        secret = read_key(self.places, "release").seed
        key = hmac.digest(secret, f"byleave shards v1|{epoch}".encode(), "sha256")
        return ShardedTrainer(learner, key=key, shards=shards, slices=slices)

    def scope(self, text: str) -> Scope:
        """Read a scope all of whose terms the taxonomy knows."""
        return self.house.taxonomy.scope(text)

    def openings(self, snapshot: str) -> pa.Table:
        """Return the private openings of a snapshot (`snapshot/openings.py`)."""
        return openings_of(self.house, snapshot)

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the workspace's own, such as a report, whole or not at all."""
        write_file(self.path / name, data)

    def demo_members(self) -> list[dict[str, Any]]:
        """Return the members whose page a demo links, `{"ordinal", "label"}`; else none."""
        path = self.path / DEMO_MEMBERS
        if not self.is_demo or not path.exists():
            return []
        found: list[dict[str, Any]] = json.loads(path.read_bytes())
        return found

    def close(self) -> None:
        """Let go of the ledger and of the lock."""
        ledger = getattr(self, "_ledger", None)
        if ledger is not None:
            ledger.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def fsck(self) -> list[dict[str, str]]:
        """Re-read and recompute everything; return what does not hold (empty: all holds)."""
        from byleave.wiring.fsck import check_workspace

        return check_workspace(self)

    def _heal(self) -> None:
        """Remove orphans of a crash and publish entries that are durable."""
        for kind in KINDS:
            known = self._known(kind)
            self._artefacts.sweep(kind, known)
        if unfinished(self.house):
            finish(self.house, self.places.proofs)
        self._log.publish(hold=True)  # witnesses that are down must not lock members out

    def use_rules(self, book: RuleBook, text: str) -> None:
        """Put an operator's rulesets in force: logged, and kept as `rulesets.yaml`.

        Raises:
            RefusedError: `ruleset.retroactive`; the rules stay as they were.
        """
        before = self.house
        self.house = replace(before, rulebook=book)
        try:
            rules.publish_rules(self.house)
        except BaseException:
            self.house = before
            raise
        write_file(self.path / "rulesets.yaml", text.encode())
        self._log.publish()
        self._nouns()

    def _log_rules(self) -> None:
        """Log the rulesets where the package's or the operator's changed since they were logged."""
        logged = rules.logged_rules(self._ledger)
        if logged is not None and logged != self.house.rulebook.digest:
            rules.publish_rules(self.house)
            self._log.publish()

    def _known(self, kind: str) -> set[str]:
        rows = self._ledger.objects(_LEDGER_KINDS.get(kind, kind.removesuffix("s")))
        return {
            name
            for _, name, _, document in rows
            if document.get("kind", kind) == kind
            and (kind not in _PURGED or document["files"])  # what was purged does not come back
        }


class ReleaseSigner:
    """The operator's key for release statements (Ed25519), read when it signs."""

    def __init__(self, places: Places, name: str) -> None:
        self._places = places
        self.name = name

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""
        return read_key(self._places, "release").sign(message)

    def public_key(self) -> bytes:
        """Return the 32 public bytes."""
        return read_key(self._places, "release").verifier.public


def open(  # noqa: A001 (`byleave.open`)
    path: str | Path,
    *,
    read_only: bool = False,
    now: Callable[[], datetime] | None = None,
    random: Callable[[int], bytes] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Workspace:
    """Open a workspace.

    Args:
        path: Its folder.
        read_only: Take no lock and write nothing.
        now: Clock; default this machine's.
        random: Source of secret bytes; default the operating system's.
        progress: Called with (what, done, total) on long work.

    Raises:
        InputError: `workspace.missing`.
        EvidenceError: `workspace.damaged`, `log.*`.
        ConflictError: `workspace.busy`.
    """
    places = Places(Path(path))
    config = read_config(places)
    return Workspace(
        places,
        config,
        now=now or system_now,
        random=random or system_bytes,
        progress=progress,
        read_only=read_only,
    )


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


def _rules(places: Places) -> RuleBook:
    path = places.root / "rulesets.yaml"
    if not path.exists():
        return default_rules()
    return operators_book(path.read_text("utf-8"), name=path.name)


def _taxonomy(places: Places) -> Taxonomy:
    path = places.root / "taxonomy.yaml"
    if not path.exists():
        return default_taxonomy()
    try:
        return default_taxonomy().extend(read_mapping(path.read_text("utf-8"), name=path.name))
    except (InputError, OSError, UnicodeDecodeError) as error:
        raise EvidenceError(
            "the operator's terms can no longer be read", code="workspace.damaged", where=str(path)
        ) from error


def _clear(root: Path) -> None:
    for item in root.iterdir():
        shutil.rmtree(item) if item.is_dir() else item.unlink()


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total
