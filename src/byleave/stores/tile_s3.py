"""The log's files in a bucket of any S3-compatible store that has conditional writes.

    PREFIX/checkpoint   PREFIX/tile/...               published
    PREFIX/.staged/...                                not yet
    PREFIX/.head                                      the last signed checkpoint (`BucketHead`)

A store acknowledges an object when it is durable, and never keeps half of one. Tiles and bundles
are written once (`If-None-Match: *`): one that is there already must hold the same bytes.
Checkpoint and head change by compare-and-swap on the entity tag (`If-Match`), so that of two
publishers one is told. A request that failed may have been kept all the same; every call here can
be made again.

The store must honour both headers on PutObject; one that ignores them would let two publishers
overwrite each other. `check_conditions` finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from byleave.errors import ConflictError, EvidenceError, InputError, WorldError
from byleave.merkle.tile import parse_tile_path
from byleave.note.signed import MAX_NOTE_BYTES
from byleave.tlog.bundle import MAX_FILE_BYTES, parse_bundle_path

__all__ = ["BucketHead", "TileBucket", "check_conditions"]

_WORKERS: Final = 16
_STAGED: Final = ".staged/"
_CHECKPOINT: Final = "checkpoint"
_HEAD: Final = ".head"
_PROBE: Final = ".probe"
_MISSING: Final = frozenset({404})
_REFUSED: Final = frozenset({409, 412})
"""A condition did not hold; 409: another conditional write is under way."""
_DELETED_AT_ONCE: Final = 1000

ResultT = TypeVar("ResultT")


class _Objects:
    """Objects below one prefix of a bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:  # noqa: ANN401 (boto3)
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def get(self, name: str, limit: int) -> tuple[bytes, str] | None:
        """Return an object's bytes and entity tag; None: it is not there."""

        def call() -> tuple[bytes, str]:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            with answer["Body"] as body:
                if answer["ContentLength"] > limit:
                    raise EvidenceError(
                        "a file of the log is longer than any can be",
                        code="log.tile-damaged",
                        where=name,
                    )
                return body.read(), answer["ETag"]

        return self._call(call, name, none=_MISSING)

    def put(self, name: str, data: bytes, **condition: str) -> str | None:
        """Write an object; return its entity tag, or None where the condition does not hold."""

        def call() -> str:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=data, **condition
            )
            return str(answer["ETag"])

        return self._call(call, name, none=_REFUSED | _MISSING if condition else frozenset())

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects; one that is not there is no error."""
        for at in range(0, len(names), _DELETED_AT_ONCE):
            keys = [{"Key": self._prefix + name} for name in names[at : at + _DELETED_AT_ONCE]]
            self._call(
                lambda keys=keys: self._client.delete_objects(  # type: ignore[misc]
                    Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
                ),
                names[at],
                none=frozenset(),
            )

    def _call(
        self, call: Callable[[], ResultT], name: str, *, none: frozenset[int]
    ) -> ResultT | None:
        try:
            return call()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status in none:
                return None
            code = error.response.get("Error", {}).get("Code", status)
            raise WorldError(
                f"the bucket refuses: {code}", code="world.storage", where=self._where(name)
            ) from error
        except (BotoCoreError, OSError) as error:
            raise WorldError(
                f"the bucket cannot be reached: {type(error).__name__}",
                code="world.storage",
                where=self._where(name),
            ) from error

    def _where(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"


class TileBucket:
    """A `tlog.ports.TileStore` below one prefix of a bucket.

    Args:
        client: A boto3 client of S3.
        bucket: The bucket's name.
        prefix: Where in it.
        workers: Requests at once.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 (boto3 makes its classes as it runs)
        bucket: str,
        *,
        prefix: str = "",
        workers: int = _WORKERS,
    ) -> None:
        self._objects = _Objects(client, bucket, prefix)
        self._workers = workers
        self._tag: str | None = None

    def stage(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files under `.staged`.

        Raises:
            InputError: `log.tile-path`.
            WorldError: `world.storage`.
        """
        named = [(_STAGED + _checked(path), data) for path, data in files]
        self._each(lambda item: self._objects.put(*item), named)

    def read_staged(self, paths: Sequence[str]) -> list[bytes]:
        """Return staged files' bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        return self._each(lambda path: self._there(_STAGED + _checked(path), path), paths)

    def promote(self, paths: Sequence[str]) -> None:
        """Write staged files where readers look, once, and remove them from `.staged`.

        Raises:
            EvidenceError: `log.tile-missing`, neither staged nor promoted; `log.staging-differs`,
                another file was published under this path.
            WorldError: `world.storage`.
        """
        staged = [path for path in self._each(self._promote, paths) if path is not None]
        self._objects.delete([_STAGED + path for path in staged])

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the checkpoint that was read last.

        Raises:
            ConflictError: `log.head-moved`, another publisher replaced it since.
            WorldError: `world.storage`.
        """
        if not _swap(self._objects, _CHECKPOINT, self._tag, data):
            raise ConflictError("another publisher published first", code="log.head-moved")
        self._tag = None
        self.read_checkpoint()

    def serve(self, paths: Sequence[str], checkpoint: bytes) -> None:
        """Promote, then replace the checkpoint: a bucket has no flushes to share. Raises as both."""
        self.promote(paths)
        self.publish_checkpoint(checkpoint)

    def read(self, path: str) -> bytes:
        """Return a promoted file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`, `log.tile-damaged`.
            WorldError: `world.storage`.
        """
        return self._there(_checked(path), path)

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint; None before the first."""
        found = self._objects.get(_CHECKPOINT, MAX_NOTE_BYTES)
        data, self._tag = (None, None) if found is None else found
        return data

    def _promote(self, path: str) -> str | None:
        """Promote one file; return its path where it was staged."""
        found = self._objects.get(_STAGED + _checked(path), MAX_FILE_BYTES)
        if found is None:
            self._there(path, path)
            return None
        data, _ = found
        if (
            self._objects.put(path, data, IfNoneMatch="*") is None
            and self._there(path, path) != data
        ):
            raise EvidenceError(
                "another file was published under this path",
                code="log.staging-differs",
                where=path,
            )
        return path

    def _there(self, name: str, path: str) -> bytes:
        found = self._objects.get(name, MAX_FILE_BYTES)
        if found is None:
            raise EvidenceError(
                "a file of the log is not there", code="log.tile-missing", where=path
            )
        return found[0]

    def _each(self, do: Callable[[Any], ResultT], items: Sequence[Any]) -> list[ResultT]:
        if len(items) < 2 or self._workers < 2:
            return [do(item) for item in items]
        with ThreadPoolExecutor(min(self._workers, len(items))) as pool:
            return list(pool.map(do, items))


class BucketHead:
    """A `tlog.ports.HeadStore` as one object, for a log whose ledger is elsewhere."""

    def __init__(self, client: Any, bucket: str, *, prefix: str = "") -> None:  # noqa: ANN401
        self._objects = _Objects(client, bucket, prefix)

    def get(self) -> bytes | None:
        """Return the last signed checkpoint; None before the first."""
        found = self._objects.get(_HEAD, MAX_NOTE_BYTES)
        return None if found is None else found[0]

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Replace `old` by `new` if it is what is kept."""
        found = self._objects.get(_HEAD, MAX_NOTE_BYTES)
        if (None if found is None else found[0]) != old:
            return False
        return _swap(self._objects, _HEAD, None if found is None else found[1], new)


def check_conditions(client: Any, bucket: str, *, prefix: str = "") -> None:  # noqa: ANN401
    """Find out whether a store honours conditional writes; leaves nothing behind.

    Raises:
        InputError: `log.address`, it does not: no log may be kept there.
        WorldError: `world.storage`.
    """
    objects = _Objects(client, bucket, prefix)
    objects.delete([_PROBE])
    try:
        first = objects.put(_PROBE, b"1", IfNoneMatch="*")
        again = objects.put(_PROBE, b"2", IfNoneMatch="*")
        other = objects.put(_PROBE, b"3", IfMatch='"00000000000000000000000000000000"')
        if first is None or again is not None or other is not None:
            raise InputError("this store ignores conditions on writes", code="log.address")
    finally:
        objects.delete([_PROBE])


def _swap(objects: _Objects, name: str, tag: str | None, data: bytes) -> bool:
    """Write an object if its entity tag is `tag` (None: if there is none)."""
    condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    if objects.put(name, data, **condition) is not None:
        return True
    # A request that was sent again after its answer was lost meets its own success.
    found = objects.get(name, MAX_NOTE_BYTES)
    return found is not None and found[0] == data


def _checked(path: str) -> str:
    try:
        parse_tile_path(path)
    except InputError:
        parse_bundle_path(path)
    return path
