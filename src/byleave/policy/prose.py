"""Read Markdown as prose: headings, list items, rows of tables, and the sentences in them.

Made for the texts of policies: hard-wrapped lines, lists whose introduction carries the verb
("We may share your data with:"), tables, links, run-in bold titles. Marks are taken off, line
numbers are kept. No Markdown library: only what carries words matters here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal, NamedTuple

__all__ = [
    "Block",
    "Cell",
    "Place",
    "Sentence",
    "blocks",
    "front_matter",
    "plain",
    "sentences",
    "split_sentences",
    "title_of",
]

Place = Literal["heading", "paragraph", "item", "heads", "row"]

_FENCE: Final = re.compile(r"\s*(?:```|~~~)")
_ATX: Final = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
# a bold line by itself is a title too, but for one that introduces a list or asks
_BOLD: Final = re.compile(r"\s{0,3}(\*\*|__)(?=\S)((?:(?!\1).){2,90}?)(?<![:?.!,;\s])\1\s*$")
# a line by itself whose words are capitalised, without a full stop
_LOOSE: Final = re.compile(
    r"(?!.*\b(?:[Ww]e|[Mm]ay|[Ww]ill)\b)[A-Z][\w'&/-]*(?: (?:and|or|of|the|to|for|with|in|by|on|from|about|as|at|your|our|is|are|&|[A-Z0-9][\w'&/,-]*)){1,8}"
)
_SETEXT: Final = re.compile(r"\s{0,3}(?:=+|-{2,})\s*$")
_RULE: Final = re.compile(r"\s{0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$")
_ITEM: Final = re.compile(r"(\s*)(?:[*+\-•·–]|\d{1,3}\\?[.)]|\(?[a-z]{1,4}\)|[a-z]\.)\s+(.*)")
_TABLE_RULE: Final = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-*:?\s*)*$")
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MARKS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), " "),
    (re.compile(r"\[([^\]]*)\]\((?:[^()]|\([^)]*\))*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"<https?://[^>]*>"), " "),
    (re.compile(r"</?[a-zA-Z][^>]*>"), " "),
    (re.compile(r"(?<!\\)(?:\*{1,3}|`+)"), ""),
    (re.compile(r"(?<![\w\\])_{1,3}(?=\S)|(?<=\S)(?<!\\)_{1,3}(?!\w)"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])"), r"\1"),
    (re.compile(r"&nbsp;|\u00a0|\u200b"), " "),
    (re.compile(r"&amp;"), "&"),
    (re.compile(r"[\u2018\u2019]"), "'"),
    (re.compile(r"[\u201c\u201d]"), '"'),
    (re.compile(r"\s+"), " "),
)
_ABBREVIATIONS: Final = frozenset(
    "e.g i.e etc cf vs v no nos art arts sec inc ltd co corp llc dr mr mrs ms st dept approx "
    "incl para fig u.s u.k e.u p pp l.l.c l.l.p p.l.l.c p.c p.a".split()
)
# what may end a sentence too, where a word follows that begins one: "hosted by Acme, Inc. When you"
_ENDS_NAMES: Final = frozenset(
    "inc ltd co corp llc l.l.c l.l.p p.l.l.c p.c p.a etc u.s u.k".split()
)
_BEGINS: Final = re.compile(
    r"\s*(?:We|You|They|It|If|When|Where|While|This|These|Those|Our|Your|Their|In|For|To|Any|All|As|Such|Please|However)\s(?!\()"
)
# "Service Providers." before what an item says: a few words, none of them a verb in small letters
_TITLE: Final = re.compile(
    r"[A-Z][\w'&/,-]*(?: (?:and|or|of|the|to|for|with|in|by|on|from|about|as|at|through|your|our|we|&|[A-Z0-9][\w'&/,-]*)){0,7}[.:]|"
    r"[A-Z][\w'&/,-]*(?: (?!(?:we|you|it|they|is|are|was|may|will|can|could|does?|has|have|that|who|which|not|never)\b)[a-z&][\w'&/,-]*){1,4}[.:]"
)
# a heading or the head of a column that says of what stands below it that data goes there
_SHARED_WITH: Final = "We share your data with:"
_TO_WHOM: Final = re.compile(
    r"\b(?:whom?\b.{0,40}\b(?:shar|disclos|sell|sold|transfer|pass|receiv)\w*|third part(?:y|ies).{0,20}\b(?:we|with) (?:\w+ )?(?:shar|disclos)\w*|"
    r"(?:shar(?:e[sd]?|ing)|disclos(?:e[sd]?|ing)|transferr?(?:ed|ing)?)\b.{0,50}\b(?:with|to) (?:whom|the following|third|others)\b|(?:categories of )?recipients of)\b",
    re.IGNORECASE,
)
_COLUMN: Final = re.compile(
    r"\b(?:(?:shared?|sharing) with|(?:disclosed?|transferred|sold|passed|sent) to|recipients?|(?:to|with) whom|who (?:receives|gets))\b",
    re.IGNORECASE,
)
# in the first row of a table: more than the heads of columns
_SAYS: Final = re.compile(r"[.!](?:\s|$)|(?:\S+\s+){12}")
# "These include:" is read with the sentence before it
_THESE: Final = re.compile(
    r"(?:[^.:;]{1,100}, )?"
    r"(?:[Tt]h(?:ese|ey|ose|is)|Such|Examples|Among (?:them|these))\b.{0,60}\b(?:includes?|are|is)\b.{0,40}:$"
)
_END: Final = re.compile(r"[.!?…][\"')\]]*(?=\s+[\"'(\[]*[A-Z0-9À-ÖØ-Þ])|[.!?…][\"')\]]*\s*$")


class Cell(NamedTuple):
    """One cell of a table's row.

    Attributes:
        text: Its words.
        head: The head of its column, or "".
        lead: What introduces it, or "".
    """

    text: str
    head: str
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One heading, paragraph, list item or row of a table, marks taken off.

    Attributes:
        text: Its words on one line; a row's cells have a "|" between.
        line: Line of the file on which it begins, from 1.
        place: What it is; `heads` is the row above a table's rule.
        lead: For an item, the sentence that introduces its list; else "".
        starts: (offset in `text`, line) of every line that it was put together from.
        cells: Of a row, those that are not empty.
    """

    text: str
    line: int
    place: Place
    lead: str
    starts: tuple[tuple[int, int], ...]
    cells: tuple[Cell, ...] = ()

    def line_at(self, offset: int) -> int:
        """Return the line of the file on which the character at `offset` stands."""
        return max((s for s in self.starts if s[0] <= offset), default=(0, self.line))[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence, a fragment that stands for one, or a whole row of a table.

    Attributes:
        text: Its words.
        line: Line of the file on which it begins, from 1.
        place: In what it stands.
        lead: For the first sentence of a list item (and the one after its run-in title), what
            introduces the list; else "".
        follows: The sentence before it in the same block, or "".
        title: Whether it is a run-in title ("**Vendors.** We ..."): a few words, more after them.
        cells: Of a row, those that are not empty.
    """

    text: str
    line: int
    place: Place
    lead: str
    follows: str = ""
    title: bool = False
    cells: tuple[Cell, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether it says nothing by itself: a heading, or the heads of a table's columns."""
        return self.place in {"heading", "heads"}


def front_matter(text: str) -> tuple[list[str], str, int]:
    """Return the lines of the front matter, the text below it, and the line it begins on.

    A text without a front matter returns no lines, itself, and 1.
    """
    lines = text.splitlines()
    try:
        end = lines.index("---", 1) if lines and lines[0].strip("\ufeff") == "---" else 0
    except ValueError:
        end = 0
    if not end:
        return [], text, 1
    return lines[1:end], "\n".join(lines[end + 1 :]), end + 2


def title_of(markdown: str) -> str:
    """Return the first heading of a text, or ""."""
    return next((block.text for block in blocks(markdown) if block.place == "heading"), "")


def plain(markdown: str) -> str:
    """Return a piece of Markdown without its marks, on one line."""
    for pattern, replacement in _MARKS:
        markdown = pattern.sub(replacement, markdown)
    return markdown.strip()


def split_sentences(text: str) -> list[tuple[int, str]]:
    """Return (offset, sentence) of a plain text; abbreviations do not end one."""
    found, start = [], 0
    for end in _END.finditer(text):
        word = text[start : end.start()].rpartition(" ")[2].lstrip("(\"'").lower()
        last = end.end() >= len(text.rstrip())
        if word in {"no", "nos"} and not text[end.end() :].lstrip()[:1].isdigit():
            word = ""
        initial = len(word) == 1 and word.isalpha() and word != "i"
        dot = text[end.start()] == "."
        numbering = word.isdigit() and text[start : end.start()].strip() == word
        held = word in _ABBREVIATIONS or initial or numbering
        if word in _ENDS_NAMES and _BEGINS.match(text, end.end()):
            held = False
        if dot and not last and held:
            continue
        if text[start : end.end()].strip():
            gap = len(text[start:]) - len(text[start:].lstrip())
            found.append((start + gap, text[start : end.end()].strip()))
        start = end.end()
    if text[start:].strip():
        gap = len(text[start:]) - len(text[start:].lstrip())
        found.append((start + gap, text[start:].strip()))
    return found


def sentences(markdown: str, *, first_line: int = 1) -> tuple[Sentence, ...]:
    """Return every sentence of a Markdown text, in its order.

    Args:
        markdown: The text.
        first_line: Line of the file on which it begins (below a front matter).
    """
    found = []
    for block in blocks(markdown, first_line=first_line):
        lead, follows = block.lead, ""
        split = [(0, block.text)] if block.cells else split_sentences(block.text)
        for offset, text in split:
            title = _TITLE.fullmatch(text) is not None
            found.append(
                Sentence(
                    text=text,
                    line=block.line_at(offset),
                    place=block.place,
                    lead=lead,
                    follows=follows,
                    title=title and text is not split[-1][1],
                    cells=block.cells,
                )
            )
            lead, follows = lead if title else "", text
    return tuple(found)


def blocks(markdown: str, *, first_line: int = 1) -> tuple[Block, ...]:
    """Return the blocks of a Markdown text, in its order."""
    return tuple(_Reader(first_line).read(markdown.splitlines()))


class _Reader:
    """Puts lines together into blocks; holds the block under way and what introduces lists."""

    def __init__(self, first_line: int) -> None:
        self._first = first_line
        self._lines: list[tuple[int, str]] = []
        self._place: Place = "paragraph"
        self._lead = ""  # of the list under way
        self._intro = ""  # last sentence before a list may begin
        self._heads: list[str] = []  # of the columns of the table under way
        self._levels: list[tuple[int, str, str]] = []  # (indent of an item, its text, its lead)

    def read(self, lines: list[str]) -> Iterator[Block]:
        fenced = False
        unquoted = [re.sub(r"^\s{0,3}(?:>\s?)+", "", raw) for raw in lines]
        for number, (line, below) in enumerate(
            zip_longest(unquoted, unquoted[1:], fillvalue=""), self._first
        ):
            if _FENCE.match(line):
                yield from self._flush()
                fenced = not fenced
            elif not fenced:
                yield from self._line(number, line, below)
        yield from self._flush()

    def _line(self, number: int, line: str, below: str) -> Iterator[Block]:
        if "|" not in line:
            self._heads = []
        if not line.strip():
            yield from self._flush()
        elif (heading := _ATX.match(line)) is not None:
            yield from self._flush()
            yield from self._heading(number, heading[1])
        elif not self._lines and (bold := _BOLD.match(line)) is not None:
            yield from self._flush()
            yield from self._heading(number, bold[2])
        elif _SETEXT.match(line) and self._lines and self._place == "paragraph":
            above, self._lines = self._lines, []
            yield from self._heading(above[0][0], " ".join(text for _, text in above))
        elif _RULE.match(line) or _TABLE_RULE.match(line):
            yield from self._flush()
        elif line.lstrip().startswith("|"):
            yield from self._flush()
            place: Place = "row"
            if _TABLE_RULE.match(below) and not self._heads:
                self._heads = [plain(head) for head in _columns(line)]
                # where a whole sentence stands there, nobody may overlook it
                place = "row" if any(map(_SAYS.search, self._heads)) else "heads"
            yield from _row(number, line, place, self._heads, self._above() if self._heads else "")
        elif (item := _ITEM.match(line)) is not None:
            yield from self._flush()
            self._open(len(item[1].expandtabs(4)))
            self._lines = [(number, item[2])]
        else:
            self._lines.append((number, line))

    def _above(self) -> str:
        """Return what introduces a table: a sentence right before it that ends with a colon."""
        above = self._levels[-1][1] if self._levels else self._intro
        return above if above.endswith(":") else ""

    def _open(self, indent: int) -> None:
        while self._levels and self._levels[-1][0] >= indent:
            self._levels.pop()
        _, parent, above = self._levels[-1] if self._levels else (0, "", "")
        self._lead = f"{above.rstrip(': ')} {parent}".strip() if parent[-1:] == ":" else self._intro
        self._levels.append((indent, "", self._lead))
        self._place = "item"

    def _heading(self, number: int, text: str) -> Iterator[Block]:
        self._intro, self._levels = _SHARED_WITH if _TO_WHOM.search(text) else "", []
        yield from _made([(number, text)], "heading", "")

    def _flush(self) -> Iterator[Block]:
        lines, place = self._lines, self._place
        self._lines, self._place = [], "paragraph"
        if not lines:
            return
        if place == "paragraph" and len(lines) == 1 and _LOOSE.fullmatch(plain(lines[0][1])):
            yield from self._heading(*lines[0])
            return
        if place == "paragraph" and self._levels and lines[0][1][:2].isspace():
            place = "item"  # a further paragraph of the item above
            made = list(_made(lines, "item", ""))
        else:
            made = list(_made(lines, place, self._lead if place == "item" else ""))
        yield from made
        if not made:
            return
        last = made[-1].text
        if place == "item":
            if self._levels:
                indent, _, lead = self._levels[-1]
                self._levels[-1] = (indent, split_sentences(last)[-1][1] if last else "", lead)
        else:
            self._intro = _introduction([text for _, text in split_sentences(last)])
            self._levels = []


def _introduction(texts: list[str]) -> str:
    """Return what may introduce a list: the last sentence, with a run-in title right before it."""
    if not texts or texts[-1].endswith((".", "!")):
        return ""
    above = texts[-2] if len(texts) > 1 else ""
    kept = above if _TITLE.fullmatch(above) or _THESE.match(texts[-1]) else ""
    return f"{kept} {texts[-1]}".strip()


def _columns(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def _row(number: int, line: str, place: Place, heads: list[str], above: str) -> Iterator[Block]:
    """Read a row: what introduces the table introduces its first column, a telling head its own."""
    found = []
    for n, cell in enumerate(_columns(line)):
        head = heads[n] if n < len(heads) else ""
        lead = _SHARED_WITH if _COLUMN.search(head) else above if n == 0 else ""
        pieces = [text for piece in _BREAK.split(cell) if (text := plain(piece))]
        if pieces:
            found.append(Cell("; ".join(pieces).replace(".;", "."), head, lead))
    if found:
        text = " | ".join(cell.text for cell in found)
        cells = tuple(found) if place == "row" else ()
        yield Block(
            text=text, line=number, place=place, lead="", starts=((0, number),), cells=cells
        )


def _made(lines: list[tuple[int, str]], place: Place, lead: str) -> Iterator[Block]:
    """Put lines together; an explicit `<br>` ends a block."""
    pieces: list[list[tuple[int, str]]] = [[]]
    for number, line in lines:
        first, *others = _BREAK.split(line)
        pieces[-1].append((number, first))
        pieces += [[(number, other)] for other in others]
    for piece in pieces:
        text, starts = _joined(piece)
        if text:
            yield Block(text=text, line=starts[0][1], place=place, lead=lead, starts=starts)


def _joined(piece: list[tuple[int, str]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Take the marks off line by line, or off the whole where a link runs over two lines."""
    whole = plain(" ".join(line for _, line in piece))
    text, starts = "", []
    for number, line in piece:
        words = plain(line)
        if words:
            text += " " if text else ""
            starts.append((len(text), number))
            text += words
    if text == whole:
        return text, tuple(starts)
    # A mark runs over the end of a line: place each line by its share of the characters.
    total = max(1, sum(len(line) for _, line in piece))
    starts, passed = [], 0
    for number, line in piece:
        starts.append((passed * len(whole) // total, number))
        passed += len(line)
    return whole, tuple(starts)
