"""What a page points at is there, and every page can be found from an index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NAMED = re.compile(r"\b(docs/[\w/-]+\.md)\b")


def pages(root: Path) -> list[Path]:
    """Return every Markdown page of the project."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Return the addresses of a page's headings, as forges make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in HEADING.findall(text)}


def test_every_link_leads_somewhere(root: Path) -> None:
    """Each relative link of each page names a file that exists and, if it says so, a heading."""
    lost = []
    for page in pages(root):
        for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                lost.append(f"{page.relative_to(root)}: {link}")
    assert not lost


def test_every_page_that_the_code_names_exists(root: Path) -> None:
    """Each `docs/….md` that a source file, a test or an example names is there."""
    lost = set()
    for folder in ("src", "tests", "examples", "scripts", "benchmarks"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".yaml", ".toml", ".md", ""}:
                for name in NAMED.findall(path.read_text(encoding="utf-8", errors="ignore")):
                    if not (root / name).is_file():
                        lost.add(f"{path.relative_to(root)}: {name}")
    assert not lost


@pytest.mark.parametrize("folder", ["docs/spec", "docs/decisions"])
def test_an_index_lists_its_pages(root: Path, folder: str) -> None:
    """Each page of the folder is linked from the folder's README, once."""
    index = (root / folder / "README.md").read_text(encoding="utf-8")
    here = sorted(p.name for p in (root / folder).glob("*.md") if p.name != "README.md")
    assert sorted(LINK.findall(index)) == here


def test_every_page_is_found_from_the_index(root: Path) -> None:
    """Following links from docs/index.md reaches every page of docs."""
    seen: set[Path] = set()
    ahead = [root / "docs" / "index.md"]
    while ahead:
        page = ahead.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        near = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
        ahead += [(page.parent / name).resolve() for name in near]
    assert not {p for p in pages(root) if "docs" in p.relative_to(root).parts} - seen


def test_decisions_have_status_and_cost(root: Path) -> None:
    """Each decision is numbered as its file is, dated, and says what it decides."""
    numbers = []
    for page in sorted((root / "docs" / "decisions").glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        number = int(page.name[:4])
        assert text.startswith(f"# {number}. "), page.name
        assert re.search(r"^Status: \w+, \d{4}-\d\d-\d\d\.$", text, re.MULTILINE), page.name
        numbers.append(number)
    assert numbers == list(range(1, len(numbers) + 1))
