"""Recordings of outsiders: what a collection says, what texts say, and what is made of neither."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from byleave.canonical import sha256
from byleave.connectors.ota import read_versions
from byleave.errors import InputError
from byleave.policy.ota import (
    Dates,
    Recording,
    change_of,
    dates_in,
    history,
    kind_of,
    recording,
    windows,
)
from tests.unit.policy.collection import Collection, small_collection


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return small_collection(tmp_path_factory.mktemp("ota") / "acme-versions")


def recordings(made: Collection, service: str | None = None) -> tuple[Recording, ...]:
    """Read the collection."""
    return history(
        recording(
            path=item.path,
            commit=item.commit,
            recorded=item.recorded,
            subject=item.subject,
            text=item.text,
        )
        for item in read_versions(made.folder, service=service)
    )


def test_every_text_is_read_with_its_author_date(made: Collection) -> None:
    """Texts come path by path in the order of history, dated by their author, in UTC."""
    found = recordings(made, "Acme")
    privacy = [item for item in found if item.terms == "Privacy Policy"]
    assert [str(item.recorded)[:16] for item in privacy] == [
        "2024-01-05 08:00",
        "2024-02-01 00:32",
        "2024-09-19 00:32",
        "2025-09-18 12:34",
        "2025-11-04 00:35",
        "2025-11-05 00:35",
        "2026-02-01 00:32",
    ]


def test_what_is_no_text_is_passed_over(made: Collection) -> None:
    """A README, a link, a deletion and a merge are no recordings; other letters are read."""
    paths = {item.path for item in read_versions(made.folder)}
    assert paths == {
        "Acme/Privacy Policy.md",
        "Acme/Terms of Service.md",
        "Café Été/Privacy Policy.md",
    }


def test_two_paths_that_are_no_utf8_stay_two(tmp_path: Path) -> None:
    """Names of files in another encoding are told apart, and no commit without a change counts."""
    made = Collection(tmp_path / "odd")
    for number, letter in enumerate((b"\xe8", b"\xe9"), 1):
        folder = Path(os.fsdecode(os.fsencode(made.folder) + b"/Acm" + letter))
        folder.mkdir()
        (folder / "Terms.md").write_bytes(b"# Terms\n\nEffective May %d, 2024\n" % number)
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "First record of both", date="2024-05-01T00:00:00Z")
    made.git("commit", "-q", "--allow-empty", "-m", "Record new changes of nothing")
    found = list(read_versions(made.folder))
    assert [item.path for item in found] == ["Acm\\xe8/Terms.md", "Acm\\xe9/Terms.md"]
    assert [item.text.split(b"May ")[1][:1] for item in found] == [b"1", b"2"]


def test_subjects_old_and_new_are_understood(made: Collection) -> None:
    """First record, change and technical upgrade are told apart in both spellings."""
    changes = [item.change for item in recordings(made) if item.path.startswith("Acme/Priv")]
    assert changes == ["first", "technical", "change", "change", "change", "technical", "change"]
    assert change_of("Rename a folder") == "unknown"


def test_windows_of_the_collection(made: Collection) -> None:
    """A change seen after it held had 0 days of notice, the announced one 46, technical ones none."""
    first = [r for r in recordings(made) if r.terms == "Privacy Policy" and r.variant == 1]
    assert [
        (str(r.dates.effective), days) for r, days in windows(first) if r.service == "Acme"
    ] == [
        ("2024-09-18", 0),
        ("2025-11-03", 46),
    ]


def test_a_path_that_becomes_another_document_is_noticed(made: Collection) -> None:
    """Another title at the same path begins another variant; a reworked page does not."""
    variants = [r.variant for r in recordings(made) if r.path == "Acme/Privacy Policy.md"]
    assert variants == [1, 1, 1, 1, 1, 1, 2]


def test_a_date_that_goes_back_is_another_document() -> None:
    """Under one title, an effective date before the one shown last begins another variant."""
    texts = ["# Terms\n\nEffective May 1, 2024", "# Terms\n\nEffective October 1, 2020"]
    found = history(
        recording(
            path="A/Terms.md",
            commit=str(n),
            recorded=datetime(2024, 6, n + 1, tzinfo=UTC),
            subject="Record new changes of A Terms",
            text=text.encode(),
        )
        for n, text in enumerate(texts)
    )
    assert [item.variant for item in found] == [1, 2]


@pytest.mark.parametrize(
    ("text", "effective", "ahead", "said_by"),
    [
        ("_Effective: April 4, 2026 ([previous version](https://x.example))_", "2026-04-04", None, "effective"),
        ("Effective: July 1, 2026. Last Revised: May 26, 2026.", "2026-07-01", None, "effective"),
        ("Last updated: 3rd March 2023", "2023-03-03", None, "revised"),
        ("Last modified 25.05.2018", "2018-05-25", None, "revised"),
        ("Version of 2024-05-01", "2024-05-01", None, "revised"),
        ("This policy is effective as of 01/02/2024.", None, None, None),
        ("In force since 1 December 2025.", "2025-12-01", None, "effective"),
        (
            ("Our terms have changed. The changes become effective on November 20, 2024.\n\n"
            "Effective February 1, 2022"),
            "2022-02-01",
            "2024-11-20",
            "effective",
        ),
        (
            "On November 3, 2025, we are updating this notice.\n\nEffective February 27, 2025",
            "2025-02-27",
            "2025-11-03",
            "effective",
        ),
        ("These terms will take effect on 20 November 2024.", None, "2024-11-20", None),
        ("We were founded on May 4, 2003.", None, None, None),
        ("Effective February 30, 2024", None, None, None),
    ],
)  # fmt: skip
def test_dates_are_read_and_never_made_up(
    text: str, effective: str | None, ahead: str | None, said_by: str | None
) -> None:
    """What a text says of its dates is read in common forms; an ambiguous or absent one is None."""
    found = dates_in(f"# Terms\n\n{text}\n\nWe store your messages.")
    day = date.fromisoformat
    assert found == Dates(
        effective=None if effective is None else day(effective),
        announced_effective=None if ahead is None else day(ahead),
        said_by=said_by,
    )


def test_a_date_deep_in_the_text_is_not_its_date() -> None:
    """A date in the middle of a long text says nothing about when the text holds."""
    body = "We store your messages. " * 500
    assert dates_in(f"# T\n\n{body}\n\nEffective May 1, 2020.\n\n{body}").effective is None


def test_kinds_of_terms() -> None:
    """A collection's kinds of terms are kinds of our documents."""
    assert [kind_of(name) for name in ("Privacy Policy", "Terms of Service", "FAQ")] == [
        "privacy-policy",
        "agreement",
        "faq",
    ]


def test_a_folder_that_is_no_clone_is_refused(tmp_path: Path, made: Collection) -> None:
    """A folder without a repository, one inside a repository, an empty one: refused by name."""
    (made.folder / "inside").mkdir(exist_ok=True)
    empty = tmp_path / "empty"
    Collection(empty)
    for folder in (tmp_path, made.folder / "inside", empty, tmp_path / "absent"):
        with pytest.raises(InputError) as caught:
            list(read_versions(folder))
        assert caught.value.code == "ota.not-a-repository"
    with pytest.raises(InputError) as caught:
        list(read_versions(made.folder, service="Nobody"))
    assert caught.value.code == "input.not-found"


def test_a_clones_own_configuration_runs_nothing(tmp_path: Path) -> None:
    """A program that the clone's configuration names is not started by reading it."""
    made = small_collection(tmp_path / "clone")
    trap = tmp_path / "trap"
    mark = tmp_path / "ran"
    trap.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "gpg.program", "diff.external", "core.pager"):
        made.git("config", name, str(trap))
    made.git("config", "log.showSignature", "true")
    assert list(read_versions(made.folder))
    assert not mark.exists()


@pytest.mark.real_data
def test_what_happened_at_linkedin(data_dir: Path) -> None:
    """25 of 25 privacy policies before 19 Sep 2024 do not mention AI; windows of 0, 62 and 46 days."""
    table = pq.read_table(data_dir / "linkedin-terms-versions" / "versions.parquet").to_pylist()
    before = [
        row
        for row in table
        if row["document"] == "Privacy Policy"
        and row["recorded_at"] < datetime(2024, 9, 19, tzinfo=UTC)
    ]
    assert (len(before), sum(row["mentions_ai"] for row in before)) == (25, 0)
    assert _days(table, "pga", "Privacy Policy")["2024-09-18"] == 0
    assert _days(table, "pga", "Terms of Service")["2024-11-20"] == 62
    for collection, document in (("contrib", "Privacy Policy"), ("pga", "Terms of Service")):
        assert _days(table, collection, document)["2025-11-03"] == 46


def _days(table: list[dict], collection: str, document: str) -> dict[str, int]:
    rows = [r for r in table if (r["collection"], r["document"]) == (collection, document)]
    found = [
        Recording(
            service="LinkedIn",
            terms=document,
            path=f"LinkedIn/{document}.md",
            commit=row["commit"],
            recorded=row["recorded_at"],
            change=change_of(row["subject"]),
            title="",
            sha256=sha256(row["sha256"].encode()),
            characters=row["chars"],
            dates=Dates(
                effective=_day(row["effective_on"]),
                announced_effective=_day(row["announces_effective_on"]),
                said_by="effective" if row["effective_on"] else None,
            ),
        )
        for row in rows
    ]
    assert [r["change"] for r in rows] == [item.change for item in found]
    return {str(item.dates.effective): days for item, days in windows(found)}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
