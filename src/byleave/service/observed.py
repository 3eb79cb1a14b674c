"""What outsiders saw: recordings of texts, imported as observed history.

An import publishes nothing and changes no decision. Each document of a collection becomes one
object per import that brought news, with one log entry that commits to what came, so that a
recording cannot be slipped in or taken out later. Importing the same clone again brings nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

from byleave.canonical import Json, encode, sha256
from byleave.errors import EvidenceError
from byleave.evidence.entry import SourceEntry
from byleave.ids import format_instant, parse_digest, parse_instant, to_us
from byleave.policy.ota import (
    Dates,
    Recording,
    breaks_off,
    history,
    kind_of,
    recording,
    windows,
)
from byleave.service.house import House

__all__ = [
    "Imported",
    "Observed",
    "first_observed",
    "import_recordings",
    "observed",
    "recorded_text",
]

KIND: Final = "observed"
_SLUG: Final = re.compile(r"[^a-z0-9]+")
_FORMAT: Final = sha256(b"byleave/observed-text/v1")  # the contract that the log entry names
RawRecording = tuple[str, str, datetime, str, bytes]
_Staged = tuple[str, SourceEntry, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One document at one path, as outsiders recorded it.

    Attributes:
        collection: The collection it is from.
        path: Path in its repository.
        kind: The kind of document it is (`policy.document.KINDS`).
        recordings: In the order of time; `variant` rises where the path began to hold another
            document.
    """

    collection: str
    path: str
    kind: str
    recordings: tuple[Recording, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return the document with its changes of effect and their notice windows."""
        variants = sorted({item.variant for item in self.recordings})
        return {
            "collection": self.collection,
            "path": self.path,
            "kind": self.kind,
            "recordings": [item.to_dict() for item in self.recordings],
            "variants": [self._variant(number) for number in variants],
        }

    def _variant(self, number: int) -> dict[str, Json]:
        items = [item for item in self.recordings if item.variant == number]
        return {
            "variant": number,
            "title": next((item.title for item in reversed(items) if item.title), ""),
            "first_recorded": format_instant(items[0].recorded),
            "last_recorded": format_instant(items[-1].recorded),
            "changes": sum(item.change != "technical" for item in items),
            "technical": sum(item.change == "technical" for item in items),
            "windows": [
                {
                    "effective": str(item.dates.effective),
                    "first_shown": format_instant(item.recorded),
                    "notice_window_days": days,
                }
                for item, days in windows(items)
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What one import brought.

    Attributes:
        documents: Documents looked at.
        recordings: Recordings in the clone.
        new: Of these, recordings that were not here before.
        technical: Of all, technical upgrades: seen again, changed by no publisher.
        unknown: Of all, commits whose subject says nothing that is known.
        replaced: Paths that began to hold another document: (path, title before, after, why).
        undated: Recordings whose text says no date of its own.
    """

    documents: int
    recordings: int
    new: int
    technical: int
    unknown: int
    replaced: tuple[tuple[str, str, str, str], ...]
    undated: int

    def to_dict(self) -> dict[str, Json]:
        """Return the report for `--json`."""
        return {
            "documents": self.documents,
            "recordings": self.recordings,
            "new": self.new,
            "technical": self.technical,
            "unknown": self.unknown,
            "undated": self.undated,
            "replaced": [
                {"path": path, "before": before, "after": after, "because": why}
                for path, before, after, why in self.replaced
            ],
        }


def import_recordings(house: House, found: Iterable[RawRecording], *, collection: str) -> Imported:
    """Import recordings that are not here yet.

    Args:
        house: The workspace's ports.
        found: (path, commit, author date, subject, exact bytes), grouped by path.
        collection: Name of the collection they are from.

    Raises:
        WorldError: `world.*`; nothing is imported.
    """
    known = {item.path: item for item in observed(house, collection=collection)}
    reports: list[Imported] = []
    news: list[_Staged] = []
    for path, group in groupby(found, key=lambda raw: raw[0]):
        before = known[path].recordings if path in known else ()
        had = {item.commit for item in before}
        texts: dict[str, bytes] = {}
        items = []
        for _, commit, recorded, subject, text in group:
            item = recording(
                path=path, commit=commit, recorded=recorded, subject=subject, text=text
            )
            items.append(item)
            if commit not in had:
                texts[item.sha256.hex()] = text
        whole = history({item.commit: item for item in (*before, *items)}.values())
        fresh = [item for item in whole if item.commit not in had]
        house.progress("documents read", len(reports), 0)
        reports.append(_report(path, len(items), len(fresh), whole))
        if fresh:
            news.append(_stage(house, collection, path, fresh, texts))
    _record(house, news)
    return Imported(
        documents=len(reports),
        recordings=sum(report.recordings for report in reports),
        new=sum(report.new for report in reports),
        technical=sum(report.technical for report in reports),
        unknown=sum(report.unknown for report in reports),
        replaced=tuple(one for report in reports for one in report.replaced),
        undated=sum(report.undated for report in reports),
    )


def observed(
    house: House, *, path: str | None = None, collection: str | None = None
) -> list[Observed]:
    """Return every observed document, ascending by collection and path.

    Args:
        house: The workspace's ports.
        path: That path alone.
        collection: That collection alone.
    """
    held: dict[tuple[str, str], list[Recording]] = {}
    for _, _, _, document in house.ledger.objects(KIND):
        if path in {None, document["path"]} and collection in {None, document["collection"]}:
            items = held.setdefault((document["collection"], document["path"]), [])
            items += [_recording(item) for item in document["recordings"]]
    return [
        Observed(
            collection=name,
            path=place,
            kind=kind_of(items[0].terms),
            recordings=history(items),
        )
        for (name, place), items in sorted(held.items())
    ]


def recorded_text(house: House, item: Recording) -> bytes:
    """Return the exact bytes of a recording.

    Raises:
        EvidenceError: `workspace.damaged`, they are gone or are not what was imported.
    """
    for _, artefact, _, document in house.ledger.objects(KIND):
        if document["path"] == item.path and any(
            one["commit"] == item.commit for one in document["recordings"]
        ):
            text = house.artefacts.read(KIND, artefact, f"{item.sha256.hex()}.md")
            if sha256(text) == item.sha256:
                return text
    raise EvidenceError("a recorded text is not what was imported", code="workspace.damaged")


def first_observed(house: House, digests: Iterable[str]) -> datetime | None:
    """Return when an outsider first recorded a text with one of these digests, or None."""
    wanted = set(digests)
    seen = [
        parse_instant(item["recorded"])
        for _, _, _, document in house.ledger.objects(KIND)
        for item in document["recordings"]
        if item["sha256"] in wanted
    ]
    return min(seen, default=None)


def _stage(
    house: House, collection: str, path: str, fresh: list[Recording], texts: Mapping[str, bytes]
) -> _Staged:
    """Put the texts down; they count once the ledger names them."""
    listed = [item.to_dict() for item in fresh]
    digest = sha256(encode(listed))
    slug = _SLUG.sub("-", path.removesuffix(".md").lower()).strip("-")[:48] or "text"
    # Two collections may hold the same recordings; their names are of both.
    own = sha256(encode([collection, digest.hex()])).hex()[:16]
    name = f"{slug}-{own}"
    house.artefacts.put(KIND, name, {f"{sha}.md": text for sha, text in texts.items()})
    entry = SourceEntry(
        source=f"observed {collection} {digest.hex()[:16]}",
        contract=_FORMAT,
        records=len(fresh),
        digests=digest,
    )
    return name, entry, {"collection": collection, "path": path, "recordings": listed}


def _record(house: House, news: list[_Staged]) -> None:
    if not news:
        return
    now = to_us(house.now())
    with house.ledger.writing() as writer:
        for name, entry, document in news:
            index = writer.log(entry.encode())
            writer.add_object(KIND, name, index=index, at_us=now, document=document)


def _report(path: str, total: int, new: int, whole: tuple[Recording, ...]) -> Imported:
    replaced = tuple(
        (path, one.title, other.title, why)
        for one, other in pairwise(whole)
        if (why := breaks_off(one, other)) is not None
    )
    return Imported(
        documents=1,
        recordings=total,
        new=new,
        technical=sum(item.change == "technical" for item in whole),
        unknown=sum(item.change == "unknown" for item in whole),
        replaced=replaced,
        undated=sum(item.dates.effective is None for item in whole),
    )


def _recording(item: Mapping[str, Any]) -> Recording:
    def day(name: str) -> Any:  # noqa: ANN401 (a date or None)
        return None if item[name] is None else parse_instant(item[name]).date()

    return Recording(
        service=item["service"],
        terms=item["terms"],
        path=item["path"],
        commit=item["commit"],
        recorded=parse_instant(item["recorded"]),
        change=item["change"],
        title=item["title"],
        sha256=parse_digest(item["sha256"]),
        characters=item["characters"],
        dates=Dates(
            effective=day("effective"),
            announced_effective=day("announced_effective"),
            said_by=item["said_by"],
        ),
        variant=item["variant"],
    )
