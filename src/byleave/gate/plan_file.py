r"""A compiled plan as one file that is mapped into memory, not read (docs/spec/gate.md §8).

    byleave/plan/v2\n   16 bytes
    length of the header, u64 little-endian; SHA-256 of the header; 8 zero bytes
    header: canonical JSON (parameters, planes with their places, contract, categories, members)
    planes: little-endian values, each from a multiple of 4096 on

The planes are `CategoryPlan.planes`; equal planes stand once. Ids of members that do not follow
one another stand in two planes of their own, outside the plan's digest. Pure functions over
buffers: `byleave.engines.plan_files` writes and maps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, decode, encode, sha256
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.gate.category import CategoryPlan
from byleave.gate.contract import Contract
from byleave.gate.glance import Glance
from byleave.gate.members import Dense, MemberIndex
from byleave.gate.plan import GatePlan, plan_planes
from byleave.gate.planes import (
    CHUNK,
    chunk_digests,
    digest_of_planes,
    plane_bytes,
    plane_digest,
)
from byleave.gate.profile import Profiles
from byleave.gate.sparse import Sparse
from byleave.ids import Digest, parse_instant
from byleave.policy.ruleset import Basis, PartyRule, RegionRule
from byleave.policy.scope import Scope, Use

__all__ = ["MAGIC", "check_plan", "decode_plan", "encode_plan"]

MAGIC: Final = b"byleave/plan/v2\n"
_HEAD: Final = 64
_ALIGN: Final = 4096
_TYPES: Final = {"uint8", "uint16", "uint32", "int64"}
Plane = npt.NDArray[Any]
Read = Callable[[int, int], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one plane stands."""

    name: str
    kind: str
    length: int
    offset: int
    chunks: bytes

    @property
    def nbytes(self) -> int:
        return self.length * np.dtype(self.kind).itemsize


def encode_plan(plan: GatePlan) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a plan's file, in order; planes are not copied."""
    planes = [*plan_planes(plan.categories)]
    own = _member_planes(plan.members)
    chunks = {**plan.chunks, **{name: chunk_digests(plane) for name, plane in own}}
    places, bodies, offset = [], [], 0
    stands: dict[int, int] = {}
    for name, plane in (*planes, *own):
        if id(plane) not in stands:
            stands[id(plane)] = offset
            bodies.append(plane)
            offset += -(-plane.nbytes // _ALIGN) * _ALIGN
        places.append(_Place(name, plane.dtype.name, len(plane), stands[id(plane)], chunks[name]))
    header = encode(_header(plan, places))
    yield MAGIC + len(header).to_bytes(8, "little") + sha256(header) + bytes(8) + header
    yield bytes(-(_HEAD + len(header)) % _ALIGN)
    for plane in bodies:
        yield plane_bytes(plane)
        yield bytes(-plane.nbytes % _ALIGN)


def decode_plan(data: memoryview, *, verify: bool = True) -> GatePlan:
    """Return the plan that a file holds; its planes are views of `data`.

    Args:
        data: The whole file, mapped or read.
        verify: Whether to hash every plane (about 1.5 GB/s); without it the caller must know
            the file, or call `check_plan`.

    Raises:
        InputError: `plan.version`, written by a newer version.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
    """
    header, base = _read_header(lambda at, size: data[at : at + size])
    places = _places(header)
    end = max((base + p.offset + p.nbytes for p in places), default=base)
    if len(data) < end:
        raise EvidenceError(
            f"a plan file ends after {len(data):,} of {end:,} bytes", code="plan.truncated"
        )
    if verify:
        _check(header, base, places, lambda at, size: data[at : at + size])
    try:
        held = {(p.offset, p.kind, p.length): _plane(data, base, p) for p in places}
        planes = {p.name: held[p.offset, p.kind, p.length] for p in places}
        return _plan_of(header, planes, places)
    except (KeyError, TypeError, ValueError, IndexError, ByleaveError) as error:
        raise _malformed("its header does not make a plan") from error


def check_plan(read: Read) -> Digest:
    """Hash every plane of a plan's file, a mebibyte at a time; return the plan's digest.

    Args:
        read: Returns so many bytes from an offset on, fewer at the end of the file.

    Raises:
        InputError: `plan.version`.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
    """
    header, base = _read_header(read)
    _check(header, base, _places(header), read)
    return Digest(bytes.fromhex(cast("str", header["digest"])))


def _check(header: Mapping[str, Any], base: int, places: Sequence[_Place], read: Read) -> None:
    checked: set[tuple[int, str, int, bytes]] = set()
    for place in places:
        key = (place.offset, place.kind, place.length, place.chunks)
        if key in checked:
            continue
        checked.add(key)
        for number, at in enumerate(range(0, place.nbytes, CHUNK)):
            size = min(CHUNK, place.nbytes - at)
            found = memoryview(read(base + place.offset + at, size))
            if len(found) < size:
                raise EvidenceError("a plan file ends before its planes", code="plan.truncated")
            if hashlib.sha256(found).digest() != place.chunks[number * 32 : (number + 1) * 32]:
                raise _differs(f"plane {place.name}")
        if len(place.chunks) != -(-place.nbytes // CHUNK) * 32:
            raise _differs(f"plane {place.name}")
    listed: list[Json] = [
        {
            "digest": plane_digest(p.chunks).hex(),
            "length": p.length,
            "name": p.name,
            "type": p.kind,
        }
        for p in places
        if not p.name.startswith("members/")
    ]
    planes = digest_of_planes(listed)
    if sha256(encode(header["parameters"]) + planes).hex() != header["digest"]:
        raise _differs("the digest of the plan")


def _read_header(read: Read) -> tuple[dict[str, Any], int]:
    """Return the header, and where the planes begin."""
    head = bytes(memoryview(read(0, _HEAD)))
    if head[:14] != MAGIC[:14]:
        raise _malformed("it does not begin as one")
    if head[:16] != MAGIC:
        raise InputError(
            f"a plan file of format {head[13:16].decode('ascii', 'replace').strip()!r}",
            code="plan.version",
            hint="this version reads v2",
        )
    if len(head) < _HEAD:
        raise EvidenceError("a plan file ends in its head", code="plan.truncated")
    size = int.from_bytes(head[16:24], "little")
    text = bytes(memoryview(read(_HEAD, size)))
    if len(text) < size:
        raise EvidenceError("a plan file ends in its header", code="plan.truncated")
    if sha256(text) != head[24:56]:
        raise _differs("the header")
    try:
        header = decode(text)
    except ByleaveError as error:
        raise _malformed("its header is not canonical JSON") from error
    if not isinstance(header, dict):
        raise _malformed("its header is no object")
    return cast("dict[str, Any]", header), -(-(_HEAD + size) // _ALIGN) * _ALIGN


def _header(plan: GatePlan, places: Sequence[_Place]) -> dict[str, Json]:
    contract = plan.contract
    dense = plan.members.dense
    members: Json = (
        None
        if dense is None
        else {"count": dense.count, "first": dense.first, "prefix": dense.prefix}
    )
    return {
        "categories": [
            {
                "draft": c.draft,
                "rules": [rule.to_dict() for rule in c.rules],
                "several": c.several,
                "use": str(c.use),
            }
            for c in plan.categories
        ],
        "contract": {
            **contract.to_dict(),
            "dataset": contract.dataset,
            "lines": [[c, n, word] for c, (n, word) in contract.lines.items()],
            "name": contract.name,
        },
        "digest": plan.digest.hex(),
        "drafts_asked": plan.drafts_asked,
        "members": members,
        "next_us": str(plan.next_us),
        "other_categories": list(plan.other_categories),
        "parameters": dict(plan.parameters),
        "planes": [
            {
                "chunks": p.chunks.hex(),
                "length": p.length,
                "name": p.name,
                "offset": p.offset,
                "type": p.kind,
            }
            for p in places
        ],
        "regions": list(plan.regions),
    }


def _places(header: Mapping[str, Any]) -> list[_Place]:
    try:
        places = [
            _Place(
                str(p["name"]),
                str(p["type"]),
                int(p["length"]),
                int(p["offset"]),
                bytes.fromhex(p["chunks"]),
            )
            for p in header["planes"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed("its list of planes cannot be read") from error
    if any(
        p.kind not in _TYPES or min(p.length, p.offset) < 0 or p.offset % _ALIGN for p in places
    ):
        raise _malformed("a plane has no type or place of the format")
    return places


def _plane(data: memoryview, base: int, place: _Place) -> Plane:
    kind = np.dtype(place.kind).newbyteorder("<")
    return np.frombuffer(data, kind, place.length, base + place.offset)


def _plan_of(
    header: Mapping[str, Any], planes: Mapping[str, Plane], places: Sequence[_Place]
) -> GatePlan:
    parameters = header["parameters"]
    regions = tuple(header["regions"])
    rule = parameters["party_rule"]
    chunks = {p.name: p.chunks for p in places if not p.name.startswith("members/")}
    listed: list[Json] = [
        {
            "digest": plane_digest(p.chunks).hex(),
            "length": p.length,
            "name": p.name,
            "type": p.kind,
        }
        for p in places
        if p.name in chunks
    ]
    return GatePlan(
        scope=Scope.parse(parameters["scope"]),
        at=parse_instant(parameters["at"]),
        ledger=int(parameters["ledger"]),
        contract=_contract(header["contract"]),
        members=_members(header["members"], planes),
        regions=regions,
        categories=tuple(
            _category(
                found, {n.partition("/")[2]: p for n, p in planes.items() if n.startswith(f"{i}/")}
            )
            for i, found in enumerate(header["categories"])
        ),
        other_categories=tuple(header["other_categories"]),
        drafts_asked=bool(header["drafts_asked"]),
        party_rule=None if rule is None else PartyRule.parse(rule),
        next_us=int(header["next_us"]),
        parameters=parameters,
        chunks=chunks,
        planes_digest=digest_of_planes(listed),
        digest=Digest(bytes.fromhex(header["digest"])),
    )


def _category(found: Mapping[str, Any], planes: Mapping[str, Plane]) -> CategoryPlan:
    width, *chosen = planes["glance.profiles"].tolist()
    table = planes["profiles"].reshape(-1, 8).tolist()
    return CategoryPlan(
        use=_use(found["use"]),
        several=bool(found["several"]),
        draft=bool(found["draft"]),
        yes=planes["yes"],
        profile=planes["profile"],
        profiles=Profiles.of([tuple(row) for row in table]),
        counts=planes["counts"],
        glance=Glance(width=width, profiles=tuple(chosen), codes=planes["glance"]),
        own=Sparse(planes["own.bits"], planes["own"]),
        start=Sparse(planes["start.bits"], planes["start"]),
        rules=tuple(_rule(rule) for rule in found["rules"]),
    )


def _use(text: str) -> Use:
    scope = Scope.parse(text)
    return Use(purpose=scope.purpose, category=scope.category, recipient=scope.recipient)


def _rule(found: Mapping[str, Any]) -> RegionRule:
    def instant(name: str) -> Any:  # noqa: ANN401
        return None if found[name] is None else parse_instant(found[name])

    rule = RegionRule(
        names=tuple(found["names"]),
        basis=next(b for b in Basis if b.word == found["basis"]),
        ready=found["ready"],
        noticed=instant("noticed"),
        suspended=found["suspended"],
        party_rule=PartyRule.parse(found["party_rule"]),
        min_age=found["min_age"],
        earliest=instant("earliest"),
        past_may_be_covered=found["past_may_be_covered"],
        general_grants_count=found["general_grants_count"],
        cites=tuple(found["cites"]),
        unknown_age_refused=found.get("unknown_age_refused", False),
        purged=tuple((parse_instant(a), parse_instant(b)) for a, b in found.get("purged", ())),
        excluded_groups=tuple(found.get("excluded_groups", ())),
    )
    if rule.to_dict() != dict(found):
        raise _malformed("it holds a rule of another form")
    return rule


def _contract(found: Mapping[str, Any]) -> Contract:
    kinds = found["kinds"]
    return Contract(
        name=found["name"],
        dataset=found["dataset"],
        record_id=tuple(found["record_id"]),
        author=found["author"],
        recipients=tuple(found["recipients"]),
        category=found["category"],
        category_constant=found["category_constant"],
        kinds=None if kinds is None else dict(kinds),
        collected_at=found["collected_at"],
        draft=found["draft"],
        columns=None if found["columns"] is None else tuple(found["columns"]),
        lines={c: (n, word) for c, n, word in found["lines"]},
    )


def _member_planes(members: MemberIndex) -> list[tuple[str, Plane]]:
    if members.dense is not None:
        return []
    ids = members.ids
    _, offsets, data = ids.buffers()
    starts = np.frombuffer(offsets or bytes(8), np.int64)[ids.offset : ids.offset + len(ids) + 1]
    text = np.frombuffer(data or b"", np.uint8)
    text = text[starts[0] : starts[-1]] if len(ids) else text[:0]
    return [("members/offsets", starts - starts[0]), ("members/ids", text)]


def _members(found: Mapping[str, Any] | None, planes: Mapping[str, Plane]) -> MemberIndex:
    if found is not None:
        dense = Dense(**found)
        return MemberIndex.counting(dense.count, prefix=dense.prefix, first=dense.first)
    offsets, data = planes["members/offsets"], planes["members/ids"]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    ids = pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)
    return MemberIndex.trusted(ids)


def _malformed(why: str) -> EvidenceError:
    return EvidenceError(f"no plan file: {why}", code="plan.malformed")


def _differs(what: str) -> EvidenceError:
    return EvidenceError(f"{what} is not what a plan file says it is", code="plan.digest")
