"""Who is on the network: people of published data sets, by the sets' own labels.

An account is labelled as its writer in Persuasion for Good. It also holds what one respondent of
freeCodeCamp 2016 learns with, and the skills and roles of one respondent of Stack Overflow 2018:
**no person is in two of the sets**, so that an account's three parts are of three people, put
together in the order of the sets. The rows are real. Made here: that they are together, who has
Premium (and so which conversations are InMail), and what everybody but the reader chose.

Where the sets are absent, all rows are generated, and every page says so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .store import Store

__all__ = ["GUESTS", "choices", "fill", "share"]

GUESTS: Final = 6
"""Accounts a reader may sign in to; they have said nothing before."""

_MESSAGES: Final = "persuasion-for-good/messages.parquet"
_TITLES: Final = {
    "Back-end developer": "web developer",
    "Data or business analyst": "data analyst",
    "Data scientist or machine learning specialist": "data scientist",
    "Database administrator": "database administrator",
    "Designer": "user interface designer",
    "Desktop or enterprise applications developer": "software developer",
    "DevOps specialist": "cloud DevOps engineer",
    "Embedded applications or devices developer": "embedded systems software developer",
    "Engineering manager": "ICT project manager",
    "Front-end developer": "user interface developer",
    "Full-stack developer": "web developer",
    "Game or graphics developer": "digital games developer",
    "Mobile developer": "mobile application developer",
    "Product manager": "product manager",
    "QA or test developer": "software tester",
    "System administrator": "ICT system administrator",
}
"""Role of the survey → title of the ESCO occupation that we set beside it."""


def share(label: str, name: str) -> float:
    """Return a number in [0, 1) that only depends on its words: what is made here is drawn so."""
    digest = hashlib.sha256(f"{label}\n{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def fill(store: Store, data: Path | None, *, threads: int) -> None:
    """Fill an empty database from the sets in a folder, or, without it, with generated rows.

    Args:
        store: The network's.
        data: Folder of the sets' folders.
        threads: How many conversations at most.
    """
    real = data is not None and (data / _MESSAGES).is_file()
    rows = _real_messages(data, threads) if data and real else _generated_messages(threads)
    seen = defaultdict(set)
    for row in rows:
        seen[row["sender_id"]].add(row["thread_id"])
        seen[row["recipient_id"]].add(row["thread_id"])
    people = sorted(seen, key=lambda who: (-len(seen[who]), who))
    premium = {who for who in people[GUESTS:] if share("premium", who) < 0.15}
    learners = _learners(data, len(people)) if data and real else _generated("learner", len(people))
    developers = _developers(data, len(people)) if data and real else _generated("dev", len(people))
    with_labels = list(zip(people, learners, developers, strict=True))
    store.fill("account", [(w, a, d, int(w in premium)) for w, (a, _), (d, _) in with_labels])
    store.fill("has", _things(with_labels))
    opener = {row["thread_id"]: row["sender_id"] for row in reversed(rows)}
    store.fill(
        "message",
        [
            (
                row["thread_id"],
                row["seq"],
                row["sender_id"],
                row["recipient_id"],
                "inmail" if opener[row["thread_id"]] in premium else "direct",
                row["at"],
                row["text"],
            )
            for row in rows
        ],
    )
    if data and real:
        store.fill("occupation", _occupations(data))
    store.keep("origin", "real" if real else "generated")


def choices(store: Store) -> Iterator[tuple[str, int, str]]:
    """Yield (account, number of the plan, answer) of everybody but the guests, drawn.

    The answers are `all` (every line), `first` (only the first line), `no`; silence yields nothing.
    """
    accounts = store.ask("SELECT id FROM account ORDER BY rowid LIMIT -1 OFFSET ?", GUESTS)
    for row in accounts:
        for plan in range(3):
            drawn = share(f"choice {plan}", row["id"])
            if drawn < 0.9:
                yield row["id"], plan, "all" if drawn < 0.7 else "first" if drawn < 0.84 else "no"


def _things(people: list[tuple[Any, Any, Any]]) -> Iterator[tuple[str, str, str]]:
    for who, (_, learns), (_, has) in people:
        for kind, item in {*learns, *has}:
            yield who, kind, item


def _real_messages(data: Path, threads: int) -> list[dict[str, Any]]:
    table = pq.read_table(data / _MESSAGES)
    first = pc.unique(table["thread_id"])[:threads]
    table = table.filter(pc.is_in(table["thread_id"], value_set=first))
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        at = row["thread_started_at"]
        row["at"] = None if at is None else at.isoformat()
    return rows


def _learners(data: Path, count: int) -> list[tuple[str, set[tuple[str, str]]]]:
    """Return the first respondents with four items or more, and their items."""
    table = pq.read_table(data / "freecodecamp-2016" / "member_items.parquet")
    return _first(table, "item", count, least=4)


def _developers(data: Path, count: int) -> list[tuple[str, set[tuple[str, str]]]]:
    """Return the first respondents with a role and six skills they worked with, or more."""
    skills = pq.read_table(
        data / "stackoverflow-2018" / "member_skills.parquet",
        filters=[("relation", "=", "worked_with"), ("member_id", "<", 24 * count + 1_000)],
    )
    roles = pq.read_table(
        data / "stackoverflow-2018" / "member_roles.parquet",
        filters=[("member_id", "<", 24 * count + 1_000)],
    )
    held: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in roles.to_pylist():
        held[row["member_id"]].add(("role", row["role"]))
    skilled = _first(skills, "skill", 4 * count, least=6)
    both = [(who, has | held[int(who)]) for who, has in skilled if int(who) in held]
    return [(f"respondent {who}", has) for who, has in both[:count]]


def _first(
    table: pa.Table, kind: str, count: int, *, least: int
) -> list[tuple[str, set[tuple[str, str]]]]:
    held: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in table.select(["member_id", kind]).to_pylist():
        held[str(row["member_id"])].add((kind, row[kind]))
    return [(who, has) for who, has in held.items() if len(has) >= least][:count]


def _occupations(data: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each role with the ESCO occupation beside it and six skills that ESCO calls essential."""
    folder = data / "esco-1.1.1"
    if not (folder / "occupations.parquet").is_file():
        return
    names = {r["skill"]: r["label"] for r in pq.read_table(folder / "skills.parquet").to_pylist()}
    found = {
        r["label"]: r["occ"] for r in pq.read_table(folder / "occupations.parquet").to_pylist()
    }
    links = pq.read_table(
        folder / "occupation_skills.parquet", filters=[("relation", "=", "essential")]
    )
    needs: dict[Any, list[str]] = defaultdict(list)
    for row in links.to_pylist():
        needs[row["occ"]].append(names[row["skill"]])
    for role, title in _TITLES.items():
        if title in found:
            yield role, title, ", ".join(needs[found[title]][:6])


def _generated_messages(threads: int) -> list[dict[str, Any]]:
    """Return conversations nobody had: numbered texts between numbered accounts."""
    says = ("hello there", "how are you today?", "i am fine, thank you.", "that sounds good.")
    rows = []
    for n in range(threads):
        ends = (f"generated-{n % 40}", f"generated-{(n * 7 + 1 + n // 40) % 40}")
        if ends[0] == ends[1]:
            continue
        for seq in range(8):
            pick = int(share("text", f"{n} {seq}") * len(says))
            rows.append(
                {
                    "thread_id": f"generated-thread-{n}",
                    "seq": seq,
                    "sender_id": ends[seq % 2],
                    "recipient_id": ends[1 - seq % 2],
                    "at": f"2024-01-{1 + n % 28:02d}T09:{seq:02d}:00+00:00",
                    "text": says[pick],
                }
            )
    return rows


def _generated(kind: str, count: int) -> list[tuple[str, set[tuple[str, str]]]]:
    """Return numbered things for numbered accounts, which nobody has."""
    what = {"learner": ("item", 12), "dev": ("skill", 15)}
    name, many = what[kind]
    made = []
    for n in range(count):
        group = n % 3
        has = {
            (name, f"generated {name} {i}")
            for i in range(many)
            if share(f"{kind} {i}", str(n)) < (0.8 if i % 3 == group else 0.2)
        }
        if kind == "dev":
            has.add(("role", f"generated role {group}"))
        made.append((f"generated {kind} {n}", has))
    return made
