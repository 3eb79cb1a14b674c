"""Every store of a log's files does what the suite says, whichever of its steps breaks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from byleave.errors import ConflictError, EvidenceError, InputError, WorldError
from byleave.stores.sqlite import SqliteLedger
from byleave.stores.tile_files import Disk, TileFiles
from byleave.stores.tile_s3 import BucketHead, TileBucket, check_conditions
from byleave.testing.log_faults import Faults, MemoryHead, MemoryTiles
from byleave.testing.log_suite import CLAIMS, Claim, no_path_leads_out
from byleave.tlog.ports import HeadStore, TileStore

CLAIM = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)


BUCKET = "byleave-log"


class FaultyDisk(Disk):
    """A disk whose steps break as told, with the system's error; it flushes nothing, being a test."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._names: dict[int, str] = {}

    def _step(self, name: str, do: Callable[[], object]) -> None:
        try:
            self._faults.step(name, lambda _: (do(), None)[1], b"")
        except WorldError as error:
            raise OSError(errno.EIO, "broken") from error

    def write(self, path: str, data: bytes) -> int:
        name = Path(path).name
        made: list[int] = []
        write = super().write
        try:
            self._step(f"write {name}", lambda: made.append(write(path, data)))
        except OSError:
            for number in made:
                os.close(number)
            raise
        self._names[made[0]] = name
        return made[0]

    def flush(self, descriptor: int) -> None:
        self._step(f"flush {self._names[descriptor]}", lambda: None)

    def rename(self, path: str, target: str) -> None:
        name = Path(path).name
        self._step(f"rename {name}", lambda: super(FaultyDisk, self).rename(path, target))

    def make_folder(self, folder: str) -> None:
        name = Path(folder).name
        self._step(f"make {name}", lambda: super(FaultyDisk, self).make_folder(folder))

    def flush_folder(self, folder: str) -> None:
        self._step(f"flush folder {Path(folder).name}", lambda: None)


class FilesSite:
    growth = (255, 256)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._head = MemoryHead()

    def open(self, faults: Faults | None = None) -> tuple[TileStore, HeadStore]:
        faults = self._head.faults = faults or Faults()
        return TileFiles(self._folder, disk=FaultyDisk(faults), flushers=1), self._head

    def heads(self) -> list[bytes]:
        return self._head.every_checkpoint


class LedgerSite:
    """Tiles in memory, the head in a ledger whose flushes break: the commit before each stands."""

    growth = (255, 256)

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._path = folder / "ledger.sqlite"
        self._tiles = MemoryTiles()
        self._open: list[SqliteLedger] = []
        self._heads: list[bytes] = []
        SqliteLedger(self._path, create=True).close()

    def open(self, faults: Faults | None = None) -> tuple[TileStore, HeadStore]:
        faults = self._tiles.faults = faults or Faults()

        def sync(descriptor: int) -> None:
            try:
                faults.step("flush ledger", lambda _: os.fsync(descriptor), b"")
            except WorldError as error:
                raise OSError(errno.EIO, "broken") from error

        self._heads = self.heads()  # before what is open is closed
        self._open.append(SqliteLedger(self._path, sync=sync))
        return self._tiles, self._open[-1]

    def heads(self) -> list[bytes]:
        reader = SqliteLedger(self._path, read_only=True)
        kept = reader.get()
        reader.close()
        known = [*self._heads, *self._tiles.every_checkpoint]
        return known if kept is None else [*known, kept]

    def close(self) -> None:
        for ledger in self._open:
            ledger.close()


class MemorySite:
    growth = (255, 256)

    def __init__(self) -> None:
        self._tiles = MemoryTiles()
        self._head = MemoryHead()

    def open(self, faults: Faults | None = None) -> tuple[TileStore, HeadStore]:
        self._tiles.faults = self._head.faults = faults or Faults()
        return self._tiles, self._head

    def heads(self) -> list[bytes]:
        return [*self._head.every_checkpoint, *self._tiles.every_checkpoint]


class FaultyClient:
    """A boto3 client whose requests break as told: before they are sent, or after the answer."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client = client
        self._faults = faults

    def _send(self, name: str, keywords: dict[str, Any]) -> Any:
        kept: list[Any] = []

        def do(_: bytes) -> None:
            kept.append(getattr(self._client, name)(**keywords))

        try:
            self._faults.step(f"{name.partition('_')[0]} {keywords.get('Key')}", do, b"")
        except WorldError as error:
            raise EndpointConnectionError(endpoint_url="https://broken.invalid") from error
        return kept[0]

    def put_object(self, **keywords: Any) -> Any:
        return self._send("put_object", keywords)

    def get_object(self, **keywords: Any) -> Any:
        return self._send("get_object", keywords)

    def delete_objects(self, **keywords: Any) -> Any:
        return self._send("delete_objects", keywords)


class BucketSite:
    growth = (3, 4)  # a request costs milliseconds

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def open(self, faults: Faults | None = None) -> tuple[TileStore, HeadStore]:
        client = FaultyClient(self._client, faults or Faults())
        return (
            TileBucket(client, BUCKET, prefix=self._prefix, workers=1),
            BucketHead(client, BUCKET, prefix=self._prefix),
        )

    def heads(self) -> list[bytes]:
        head = BucketHead(self._client, BUCKET, prefix=self._prefix).get()
        return [] if head is None else [head]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """An S3 store in this process, with one bucket."""
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c is not no_path_leads_out], ids=lambda claim: claim.__name__
)
def test_memory(claim: Claim) -> None:
    """The reference in memory, which leads nowhere, holds every other claim."""
    claim(MemorySite)


@CLAIM
def test_files(claim: Claim, tmp_path: Path) -> None:
    """Local files hold every claim."""
    number = count()
    claim(lambda: FilesSite(tmp_path / str(next(number))))


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c is not no_path_leads_out], ids=lambda claim: claim.__name__
)
def test_ledger(claim: Claim, tmp_path: Path) -> None:
    """The head in a ledger in SQLite holds every claim, whichever of its flushes breaks."""
    sites: list[LedgerSite] = []

    def make() -> LedgerSite:
        sites.append(LedgerSite(tmp_path / str(len(sites))))
        return sites[-1]

    claim(make)
    for site in sites:
        site.close()


@CLAIM
def test_bucket(claim: Claim, bucket: Any) -> None:
    """An S3 bucket holds every claim."""
    number = count()
    claim(lambda: BucketSite(bucket, f"{claim.__name__}/{next(number)}"))


def test_a_store_without_conditions_is_found_out(bucket: Any) -> None:
    """A store that ignores If-None-Match or If-Match is refused; one that honours them is not."""
    check_conditions(bucket, BUCKET, prefix="probe")

    class Careless:
        def put_object(self, **keywords: Any) -> Any:
            for name in ("IfNoneMatch", "IfMatch"):
                keywords.pop(name, None)
            return bucket.put_object(**keywords)

        def __getattr__(self, name: str) -> Any:
            return getattr(bucket, name)

    with pytest.raises(InputError) as caught:
        check_conditions(Careless(), BUCKET, prefix="probe")
    assert caught.value.code == "log.address"


def test_two_publishers_of_one_checkpoint(bucket: Any) -> None:
    """A checkpoint that another publisher replaced since it was read is not replaced again."""
    first, second = (TileBucket(bucket, BUCKET, prefix="two") for _ in range(2))
    first.read_checkpoint()
    second.read_checkpoint()
    first.publish_checkpoint(b"one")
    with pytest.raises(ConflictError) as caught:
        second.publish_checkpoint(b"two")
    assert caught.value.code == "log.head-moved"
    assert second.read_checkpoint() == b"one"


def test_a_published_object_is_never_replaced(bucket: Any) -> None:
    """Promoting another file under a published path is refused, and the first one stays."""
    tiles = TileBucket(bucket, BUCKET, prefix="once")
    tiles.stage([("tile/0/000.p/1", b"one")])
    tiles.promote(["tile/0/000.p/1"])
    tiles.stage([("tile/0/000.p/1", b"two")])
    with pytest.raises(EvidenceError) as caught:
        tiles.promote(["tile/0/000.p/1"])
    assert caught.value.code == "log.staging-differs"
    assert tiles.read("tile/0/000.p/1") == b"one"


def test_a_bucket_that_is_not_there(bucket: Any) -> None:
    """A bucket that does not exist, or that refuses, is a world error that names it."""
    with pytest.raises(WorldError) as caught:
        TileBucket(bucket, "nowhere").stage([("tile/0/000", b"x")])
    assert caught.value.code == "world.storage"
    assert caught.value.where == "s3://nowhere/.staged/tile/0/000"
