"""Where a workspace's log keeps its files, and where anybody's log is read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from byleave.errors import InputError, WorldError
from byleave.stores.tile_files import TileFiles
from byleave.stores.web import WebTiles, is_web_address
from byleave.tlog.ports import TileSource, TileStore
from byleave.wiring.config import Config, Places

__all__ = ["check_bucket", "open_tiles", "read_tiles"]

_S3 = "s3"


def open_tiles(places: Places, config: Config) -> TileStore:
    """Open the store of a workspace's log.

    Raises:
        InputError: `log.address`.
        WorldError: `cli.extra-missing`, S3 without the extra.
    """
    return TileFiles(places.log) if config.tiles is None else _bucket(config.tiles)


def check_bucket(address: str) -> None:
    """Find out whether a log may be kept in a bucket.

    Raises:
        InputError: `log.address`, no such address, or a store that ignores conditional writes.
        WorldError: `cli.extra-missing`; `world.storage`.
    """
    client, bucket, prefix = _parts(address)
    from byleave.stores.tile_s3 import check_conditions

    check_conditions(client, bucket, prefix=prefix)


def read_tiles(where: str) -> TileSource:
    """Open a log for reading: a folder, an http or https address, or `s3://BUCKET/PREFIX`.

    Raises:
        InputError: `log.address`.
        WorldError: `cli.extra-missing`.
    """
    if is_web_address(where):
        return WebTiles(where)
    if where.startswith(f"{_S3}://"):
        return _bucket(where)
    if not Path(where).is_dir():
        raise InputError(
            "neither a folder nor an http, https or s3 address", code="log.address", where=where
        )
    return TileFiles(Path(where))


def _bucket(where: str) -> TileStore:
    client, bucket, prefix = _parts(where)
    from byleave.stores.tile_s3 import TileBucket

    return TileBucket(client, bucket, prefix=prefix)


def _parts(where: str) -> tuple[Any, str, str]:
    """Return client, bucket and prefix of `s3://BUCKET/PREFIX[?endpoint=URL]`."""
    parts = urlsplit(where)
    options = parse_qs(parts.query)
    if parts.scheme != _S3 or not parts.hostname or options.keys() - {"endpoint"}:
        raise InputError(
            "not s3://BUCKET/PREFIX, with ?endpoint=URL or nothing after it",
            code="log.address",
            where=where,
        )
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise WorldError(
            "this log's files are in an S3 bucket, and boto3 is not installed",
            code="cli.extra-missing",
            hint="pip install 'byleave[s3]'",
        ) from error
    client = boto3.client("s3", endpoint_url=options.get("endpoint", [None])[0])
    return client, parts.netloc, parts.path.strip("/")
