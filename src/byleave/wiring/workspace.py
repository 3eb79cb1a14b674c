"""A workspace: opened, used by its nouns, checked, closed.

Opening for writing takes the workspace's lock, removes what a crash left half written, and
publishes log entries that were durable but not yet published. Opening read-only does none of it.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from byleave.engines.parquet import ParquetRows
from byleave.errors import ConflictError, EvidenceError, InputError
from byleave.note.trust import Trust, parse_trust
from byleave.policy.ruleset import RuleBook, default_rules
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy
from byleave.service import rules
from byleave.service.erasure import finish, unfinished
from byleave.service.house import House
from byleave.service.snapshot import openings_of
from byleave.service.unlearning import finish_purges
from byleave.stores.artefacts import ArtefactFolder, write_file
from byleave.stores.map_folder import MapFolder
from byleave.tlog.ports import TileStore
from byleave.trainers.content import ContentTrainer
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.sharded import ShardedTrainer, ShardLearner
from byleave.training.measurements import check_exactness
from byleave.training.trainer import Trainer
from byleave.wiring.config import KINDS, Config, Places, read_config, read_key
from byleave.wiring.environment import environment, microseconds
from byleave.wiring.face_nouns import Faces
from byleave.wiring.hooks import Hooks, ToldLog
from byleave.wiring.kernel import GateKernel, building
from byleave.wiring.learners import OwnTrainers, load_trainer, made_by
from byleave.wiring.ledgers import KeptLedger, open_ledger
from byleave.wiring.log import WorkspaceLog
from byleave.wiring.log_nouns import Logs
from byleave.wiring.model_key import MODEL_KEY, model_signer
from byleave.wiring.notice_key import read_notice_key
from byleave.wiring.nouns import (
    DEMO_MEMBERS,
    Acts,
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
    Requests,
    Rulesets,
    Snapshots,
    Sources,
    Withdrawals,
    operators_book,
)
from byleave.wiring.summary_nouns import Summaries
from byleave.wiring.tiles import open_tiles
from byleave.wiring.witness import quorum_of
from byleave.wiring.world import WriteLock, system_bytes, system_now

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Workspace", "open"]

_LEDGER_KINDS: Final = {
    "directories": "directory",
    "packages": "snapshot",
    "snapshots": "snapshot",
}
_PATIENCE: Final = 86_400.0
"""Seconds for which whoever computed waits for the lock: what was computed is not thrown away."""
_TURN: Final = 0.01
"""Seconds for which the lock is let go of at least, so that who waits for it finds it free."""
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
        turns: bool = False,
        caching: bool = False,
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
                may_sign=lambda: self.may_write,
            )
            self.ask_witnesses(trust, wait=0)  # opening waits for nobody
            engine = GateKernel()
            self.house = House(
                ledger=self._ledger,
                artefacts=self._artefacts,
                log=self._log,
                signer=ReleaseSigner(places, f"{config.origin}/release"),
                engine=engine,
                ids=engine.ids,
                trainers=OwnTrainers(
                    {
                        "content": ContentTrainer(),
                        "jobs": JobsTrainer(),
                        "replies": RepliesTrainer(),
                    },
                    places.trainers,
                    lambda path: load_trainer(path, self),
                ),
                taxonomy=_taxonomy(places),
                rulebook=_rules(places),
                now=now,
                random=random,
                map_files=MapFolder,
                building=building(places.root),
                notice_key=lambda: read_notice_key(places, config.origin, make=not read_only),
                open_rows=ParquetRows.open,
                progress=progress or _silent,
                environment=environment,
                timer=microseconds,
                purge=config.purge,
                read_only=read_only,
                caching=caching or not read_only,
                aside=self._aside,
            )
            if not read_only:
                self._heal()
                self.ask_witnesses(trust)
                if rules.log_changes(self.house):
                    self._log.publish()
        except BaseException:
            self.close()
            raise
        self._nouns()
        self._turns = turns
        self._seen = self._ledger.size()
        self._erasures = len(self._ledger.objects("erasure"))
        if turns:
            self._let_go()

    @property
    def may_write(self) -> bool:
        """Whether this process holds the workspace's lock now."""
        return self._lock is not None

    @contextmanager
    def turn(self, *, wait: float = 10.0) -> Iterator[None]:
        """Hold the workspace's lock for this block; needs `open(turns=True)`.

        What others wrote since the last turn is taken note of first.

        Args:
            wait: Seconds for which others' turns are waited for.

        Raises:
            ConflictError: `workspace.busy`.
        """
        self._lock = WriteLock(self.places.lock, wait=wait)
        try:
            self.catch_up()
            yield
        finally:
            self._seen = self._ledger.size()
            self._let_go()

    @contextmanager
    def _aside(self, *, rules: bool = True, erased: bool = True) -> Iterator[None]:
        """Let others write for this block; without the lock there is nothing to let go of.

        Args:
            rules: What is computed stands only while the rulesets do.
            erased: It stands only while nothing more is erased.

        Raises:
            ConflictError: `workspace.moved`, rulesets or what was erased changed meanwhile;
                `workspace.busy`, after a day.
        """
        if self._lock is None:
            yield
            return
        book, gone = self.house.rulebook.digest, self._erasures
        self._seen = self._ledger.size()
        self._let_go()
        until = time.monotonic() + _TURN
        try:
            yield
            time.sleep(max(0.0, until - time.monotonic()))
        finally:
            self._lock = WriteLock(self.places.lock, wait=_PATIENCE)
        self.catch_up()
        moved = rules and book != self.house.rulebook.digest
        if moved or (erased and gone != self._erasures):
            raise ConflictError(
                "rulesets, or what was erased, changed while this was computed: nothing is kept",
                code="workspace.moved",
                hint="run the command again",
            )

    def catch_up(self) -> None:
        """Take note of what other processes wrote: rulesets they put in force, objects erased."""
        size = self._ledger.size()
        if size == self._seen:
            return
        self._seen = size
        erasures = len(self._ledger.objects("erasure"))
        if erasures != self._erasures:
            self._erasures = erasures
            self.house.opened.clear()
        if rules.logged_rules(self._ledger) != self.house.rulebook.digest:
            book = rules.rules_as_of(self.house, size)
            self.house = replace(self.house, rulebook=book)
            self._nouns()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _nouns(self) -> None:
        self.policy = Policies(self)
        self.notice = Notices(self)
        self.ruleset = Rulesets(self)
        self.member = Members(self)
        self.requests = Requests(self)
        self.acts = Acts(self)
        self.consent = Consents(self)
        self.source = Sources(self)
        self.gate = Gates(self)
        self.snapshot = Snapshots(self)
        self.model = Models(self)
        self.release = Releases(self)
        self.withdrawal = Withdrawals(self)
        self.hook = Hooks(self)
        self.disclosure = Disclosures(self)
        self.directory = Directories(self)
        self.proof = Proofs(self)
        self.log = Logs(self)
        self.public = Public(self)
        self.faces = Faces(self)
        self.summary = Summaries(self)

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
            InputError: `training.measurements`, it is not exact and says not how far from it.
        """
        check_exactness(trainer)
        if trainer.name in self.house.trainers:
            raise ConflictError(
                f"a trainer named {trainer.name!r} is there already", code="workspace.exists"
            )
        known = self.house.trainers
        trainers = (
            known.beside(trainer)
            if isinstance(known, OwnTrainers)
            else {**known, trainer.name: trainer}
        )
        self.house = replace(self.house, trainers=trainers)
        self._nouns()

    def tell_after_publishing(self, told: Callable[[], object]) -> None:
        """Call a function each time that what was written is served, as long as this is open."""
        self.house = replace(self.house, log=ToldLog(self._log, told))
        self._nouns()

    def keep_trainer(self, path: str | Path) -> str:
        """Keep a trainer's file in the workspace, so that every process can unlearn with it.

        Args:
            path: A Python file with a function `trainer(workspace)`.

        Returns:
            The trainer's name; the file is kept as `trainers/NAME.py`, byte for byte.

        Raises:
            InputError: `trainer.file`; `input.not-found`.
            ConflictError: `workspace.exists`, another trainer of that name is there;
                `workspace.read-only`.
        """
        if self.read_only:
            raise ConflictError("the workspace was opened read-only", code="workspace.read-only")
        file = Path(path)
        if not file.is_file():
            raise InputError("no such file", code="input.not-found", where=str(file))
        trainer = load_trainer(file, self)
        kept = self.places.trainers / f"{trainer.name}.py"
        if trainer.name in self.house.trainers and not kept.exists():
            raise ConflictError(
                f"a trainer named {trainer.name!r} is there already", code="workspace.exists"
            )
        if not trainer.name.isidentifier():
            raise InputError("a trainer's name is an identifier", code="trainer.file")
        write_file(kept, file.read_bytes())
        if isinstance(self.house.trainers, OwnTrainers):
            self.house = replace(self.house, trainers=self.house.trainers.beside(trainer))
        self._nouns()
        return trainer.name

    def sharded(
        self,
        learner: ShardLearner,
        *,
        shards: int = 10,
        slices: int = 4,
        epoch: int = 0,
        packages: Sequence[str] = (),
    ) -> ShardedTrainer:
        """Return a trainer of shards and slices over a learner of your own.

        Args:
            learner: Its state is bytes, the same bytes for the same rows and seed.
            shards: Into how many models members are dealt.
            slices: Checkpoints of each.
            epoch: Another number is another deal: for a fit from nothing after many withdrawals.
            packages: Packages that its results depend on, by name; their versions, the digest of
                the file that defines the learner, Python and the processor's instruction sets are
                part of the recipe.

        Raises:
            InputError: `trainer.package`, one is not installed; `trainer.recipe`.
        """
        secret = read_key(self.places, "release").seed
        key = hmac.digest(secret, f"byleave shards v1|{epoch}".encode(), "sha256")
        return ShardedTrainer(
            learner, key=key, shards=shards, slices=slices, made_by=made_by(learner, packages)
        )

    def scope(self, text: str) -> Scope:
        """Read a scope all of whose terms the taxonomy knows."""
        return self.house.taxonomy.scope(text)

    def keep_model_key(self) -> None:
        """Write the public key of model signatures beside the releases, where it is not there."""
        path = self.path / MODEL_KEY
        if not path.exists():
            write_file(path, self.house.signer.model_key())

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
        self._let_go()

    def fsck(self) -> list[dict[str, str]]:
        """Re-read and recompute everything; return what does not hold (empty: all holds)."""
        from byleave.wiring.fsck import check_workspace

        return check_workspace(self)

    def _heal(self) -> None:
        """Remove orphans of a crash and publish entries that are durable."""
        for kind in KINDS:
            known = self._known(kind)
            self._artefacts.sweep(kind, known)
        self._artefacts.clear()
        if unfinished(self.house):
            finish(self.house, self.places.proofs)
        finish_purges(self.house)
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

    def sign_model(self, message: bytes) -> bytes:
        """Return the ECDSA signature of OpenSSF model signing over `message`."""
        return model_signer(read_key(self._places, "release").seed).sign(message)

    def model_key(self) -> bytes:
        """Return the public key that verifies it, PEM."""
        return model_signer(read_key(self._places, "release").seed).public_pem()


def open(  # noqa: A001 (`byleave.open`)
    path: str | Path,
    *,
    read_only: bool = False,
    turns: bool = False,
    caching: bool = False,
    now: Callable[[], datetime] | None = None,
    random: Callable[[int], bytes] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Workspace:
    """Open a workspace.

    Args:
        path: Its folder.
        read_only: Take no lock and write nothing.
        turns: For a server that stays open: hold the lock only in `with ws.turn():`, so that other
            processes can write in between.
        caching: Open read-only, yet keep in `cache/` what can be made again: for a server.
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
        turns=turns,
        caching=caching,
    )


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
    except InputError as error:
        line = (error.where or "").rpartition(":")[2]
        raise EvidenceError(
            f"the operator's terms can no longer be read: {error.message}",
            code="workspace.damaged",
            where=f"{path}:{line}" if line.isdigit() else str(path),
            hint=error.hint,
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(
            "the operator's terms can no longer be read", code="workspace.damaged", where=str(path)
        ) from error


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total
