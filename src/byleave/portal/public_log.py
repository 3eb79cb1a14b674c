"""The log for everyone: its files as C2SP tlog-tiles lays them out, and checking a proof by upload."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Request, Response

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.merkle.tile import TILE_WIDTH, parse_tile_path
from byleave.portal.access import ANYONE, Routes
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError
from byleave.tlog.bundle import parse_bundle_path
from byleave.verify import verify

__all__ = ["add_log"]

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_MOST: Final = 1 << 20
_ANYWHERE: Final = {"access-control-allow-origin": "*"}
"""A page from elsewhere may read the log's files: they are the same for everybody."""


def add_log(routes: Routes, desk: Desk) -> None:
    """Add the routes."""

    async def checkpoint() -> Response:
        data = desk.reader.log_files.read_checkpoint()
        if data is None:
            raise ProblemError(404, "api.not-found", "The log has published nothing yet.")
        return Response(
            data,
            media_type="text/plain; charset=utf-8",
            headers={"cache-control": "no-cache", **_ANYWHERE},
        )

    async def tile(path: str) -> Response:
        place = f"tile/{path}"
        try:
            whole = _width(place) == TILE_WIDTH
            data = desk.reader.log_files.read(place)
        except (InputError, EvidenceError) as error:
            raise ProblemError(404, "api.not-found", "The log has no such file.") from error
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"cache-control": _FOR_EVER if whole else "public, max-age=60", **_ANYWHERE},
        )

    async def entry_proof(index: Annotated[int, Path(ge=0, lt=1 << 63)]) -> Response:
        try:
            proof = desk.read.log_house.logged(index).proof.format()
        except (InputError, WorldError) as error:
            raise ProblemError(404, "api.not-found", "The log has no such entry.") from error
        return Response(
            proof,
            media_type="text/plain; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{index}.tlog-proof"'},
        )

    async def check(request: Request) -> dict[str, Any]:
        """Check a proof file, sent as the body, against this workspace's trust file.

        Who does not trust this server checks with `byleave verify` on a machine of their own.
        """
        data = await request.body()
        if len(data) > _MOST:
            raise ProblemError(413, "api.too-large", "A proof file is smaller than 1 MiB.")
        trust = desk.reader.places.trust.read_bytes()
        return verify(data, trust).to_dict()

    routes.add("GET", "/log/checkpoint", ANYONE, checkpoint, summary="The log's head, signed")
    routes.add(
        "GET",
        "/log/entry/{index}.tlog-proof",
        ANYONE,
        entry_proof,
        summary="The proof that an entry is in the log",
    )
    routes.add("GET", "/log/tile/{path:path}", ANYONE, tile, summary="A file of the log")
    routes.add("POST", "/api/v1/verify", ANYONE, check, summary="Check a proof file")


def _width(place: str) -> int:
    """Return how many hashes or entries a file of the log holds.

    Raises:
        InputError: `log.tile-path`.
    """
    if place.startswith("tile/entries/"):
        return parse_bundle_path(place)[1]
    return parse_tile_path(place).width
