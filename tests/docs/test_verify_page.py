"""docs/spec/verify.md lists the checks that the code makes."""

from __future__ import annotations

from tests.docs.verify_page import PAGE, written


def test_the_page_lists_the_checks_of_the_code() -> None:
    """Each kind's checks stand in the page with the numbers, names and words that the code has."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "python -m tests.docs.verify_page"
