"""Opens a ledger and the tiles of its log, for another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from byleave.stores.sqlite import SqliteLedger
from byleave.stores.tile_files import TileFiles
from byleave.stores.tile_s3 import TileBucket

BUCKET = "byleave-log"


def open_log(path: str) -> tuple[SqliteLedger, TileFiles]:
    """Return the ledger and the tiles in a folder."""
    return SqliteLedger(Path(path) / "ledger.sqlite"), TileFiles(Path(path) / "log")


def open_in_bucket(place: str) -> tuple[SqliteLedger, TileBucket]:
    """Return the ledger in a folder and the tiles in a bucket behind an address: `ADDRESS FOLDER`."""
    address, _, folder = place.partition(" ")
    return SqliteLedger(Path(folder) / "ledger.sqlite"), TileBucket(client_of(address), BUCKET)


def client_of(address: str) -> Any:
    """Return a client of the S3 store at an address."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(proxies={}),  # it is on this machine
    )
