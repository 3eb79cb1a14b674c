"""The questions that people are asked about a member's pages are answered by those pages."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from tests.docs.studies import HEAD, LANGUAGES, Question, faults, questions, read_results
from tests.portal.api_site import SITE, Site
from tests.portal.reading import text_of
from tests.portal.test_house import POLICY
from tests.unit.service.small import ASK, Grown, grow


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace of small generated data, with one text published."""
    made = grow(tmp_path_factory.mktemp("studies") / "workspace")
    with byleave.open(made.path) as ws:
        ws.policy.publish(POLICY)
    return made


@pytest.fixture(scope="module")
def site(grown: Grown) -> Iterator[Site]:
    with byleave.open(grown.path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            yield Site(grown.path, http, itertools.count())


@pytest.fixture(scope="module")
def asked(root: Path) -> list[Question]:
    return questions(root)


def pages_of(site: Site) -> list[str]:
    """Addresses of the pages that a member reads: no files, no twins."""
    table = site.http.app.state.routes.table  # type: ignore[attr-defined]
    found = [path for method, path in table if method == "GET" and re.match("/me(/|$)", path)]
    return [path for path in found if "." not in path]


def test_every_page_of_a_member_has_its_five_questions(site: Site, asked: list[Question]) -> None:
    """M11: five questions a page, numbered 1 to 5, in English and in German, each another."""
    counted = Counter((item.page, item.language) for item in asked)
    for page in pages_of(site):
        for language in LANGUAGES:
            assert counted[page, language] == 5, (page, language)
    assert {item.language for item in asked} == set(LANGUAGES)
    numbers = Counter((item.page, item.language, item.number) for item in asked)
    assert set(numbers.values()) == {1}
    assert len({(item.page, item.text) for item in asked}) == len(asked)
    assert not [item for item in asked if not item.text.endswith("?")]


def test_each_right_answer_is_given_by_its_page(
    site: Site, grown: Grown, asked: list[Question]
) -> None:
    """The sentence that a right answer rests on stands on that page, in the page's language."""
    stopped = site.signed_in("member", grown.withdrew[0])
    silent = site.signed_in("member", grown.silent[0])
    index = stopped.get("/api/v1/choices").json()["items"][-1]["index"]
    there = set(pages_of(site))
    texts: dict[tuple[str, str], str] = {}
    for item in asked:
        if item.page not in there:
            continue
        browser = silent if "{question}" in item.page else stopped
        if (item.page, item.language) not in texts:
            path = item.page.format(index=index, question=ASK)
            answer = browser.get(path, params={"lang": item.language})
            assert answer.status_code == 200, path
            texts[item.page, item.language] = text_of(answer.text)
        found = item.pattern().search(texts[item.page, item.language])
        assert found, (item.page, item.sentence)
    assert len(texts) == len(LANGUAGES) * len(there)


def test_results_are_valid_and_passed(root: Path, asked: list[Question]) -> None:
    """M11: each file of results is whole, names nobody, and each question is right in four of five;
    while there is none the page says that no study was held.
    """
    folder = root / "docs" / "studies"
    known = {(item.page, item.language) for item in asked}
    held = sorted(path for path in folder.glob("results/*.csv") if ".failed" not in path.name)
    for path in held:
        assert faults(read_results(path), known) == [], path.name
    said = "not held yet" in (folder / "README.md").read_text(encoding="utf-8")
    assert said == (not held)


def rows(**other: str) -> list[dict[str, str]]:
    """Rows made for this test, not anybody's answers: all right but for what is said."""
    made = []
    for person, question in itertools.product("12345", "12345"):
        right = other.get(f"p{person}q{question}", "yes")
        made.append(dict(zip(HEAD, ("/me", "en", person, question, right), strict=True)))
    return made


def test_results_that_do_not_hold_would_be_found() -> None:
    """Four of five pass; three do not, nor a missing person, a second answer, a name or no row."""
    known = {("/me", "en")}
    assert faults(rows(p1q3="no"), known) == []
    assert faults(rows(p1q3="no", p2q3="no"), known) == ["/me en question 3: 3 of 5"]
    assert faults(rows()[5:], known) == ["/me en: five people and five questions each are wanted"]
    assert "line 27: asked twice" in faults([*rows(), rows()[0]], known)
    assert (
        faults([{**row, "name": "x"} for row in rows()[:1]], known)[0] == "line 2 is not a result"
    )
    assert faults([{**rows()[0], "person": "Kim"}], known)[0] == "line 2 is not a result"
    assert faults(rows(), set())[-1] == "there is no result in it"
    assert faults([], known) == ["there is no result in it"]
