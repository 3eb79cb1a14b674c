"""The part of a proof file by which a directory holds its answer to one secret of the member.

    entries {..., directory}; directory {commitments, labels, path, vrf}

`absence`, `presence` and `record` may have it. The member's id and enrolment come from the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from byleave import canonical
from byleave.evidence.bucket import MAX_BUCKET, MAX_K
from byleave.evidence.directory import Listed
from byleave.evidence.fields import DIGEST, SALT16, exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import digests, read_digests
from byleave.evidence.vrf import PROOF_BYTES

__all__ = ["VRF", "DirectoryPart", "read_listed", "split_directory", "write_listed"]

VRF: Final = hexadecimal(PROOF_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPart:
    """A directory's entry, and what it says of the receipt's holder."""

    entry: LoggedEntry
    listed: Listed

    @staticmethod
    def entries(part: DirectoryPart | None) -> dict[str, LoggedEntry]:
        """Return the log entry that a file with this part has more."""
        return {} if part is None else {"directory": part.entry}

    @staticmethod
    def fields(part: DirectoryPart | None) -> dict[str, canonical.Json]:
        """Return the field that a file with this part has more."""
        return {} if part is None else {"directory": write_listed(part.listed)}


def split_directory(
    document: Mapping[str, Any],
) -> tuple[dict[str, Any], DirectoryPart | None]:
    """Return a document without its directory's part, and that part.

    Raises:
        ValueError: The part lacks its entry, or is not what `write_listed` wrote.
    """
    rest = dict(document)
    if "directory" not in rest:
        return rest, None
    listed = read_listed(rest.pop("directory"))
    entries = rest.get("entries")
    if not isinstance(entries, Mapping) or "directory" not in entries:
        raise ValueError
    rest["entries"] = {name: value for name, value in entries.items() if name != "directory"}
    return rest, DirectoryPart(entry=LoggedEntry.read(entries["directory"]), listed=listed)


def write_listed(listed: Listed) -> dict[str, canonical.Json]:
    """Return what a directory's bucket says of an id it lists."""
    return {
        "commitments": digests(listed.commitments),
        "labels": digests(listed.labels),
        "path": digests(listed.path),
        "vrf": listed.vrf.hex(),
    }


def read_listed(value: object) -> Listed:
    """Return what `write_listed` wrote."""
    items = exactly(value, frozenset({"commitments", "labels", "path", "vrf"}))
    return Listed(
        vrf=VRF.read(items["vrf"]),
        labels=read_digests(items["labels"], SALT16, MAX_BUCKET),
        commitments=read_digests(items["commitments"], DIGEST, MAX_BUCKET),
        path=read_digests(items["path"], DIGEST, MAX_K),
    )
