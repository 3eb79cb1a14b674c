"""What a reader of a page sees, in the page's own language."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["ENGLISH_WORDS", "english_in", "language_of_page", "text_of"]

ENGLISH_WORDS = re.compile(
    r"\b(the|and|you|your|we|our|not|is|are|of|to|this|that|with|from|been|said|it|yes|no|"
    r"for|have|has|which|what|who|how|when|about)\b",
    re.IGNORECASE,
)
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"})
_SILENT = frozenset({"code", "script", "style", "svg"})


class _Reader(HTMLParser):
    """Collects text and labels, but for code and for what says that it is in another language."""

    def __init__(self) -> None:
        super().__init__()
        self.page = ""
        self.parts: list[str] = []
        self._stack: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.page = given.get("lang") or ""
        language = given.get("lang")
        silent = (self._stack[-1] if self._stack else False) or tag in _SILENT
        silent = silent or (language is not None and language != self.page)
        if not silent:
            self.parts += [
                given[name] or "" for name in ("aria-label", "title", "alt") if name in given
            ]
        if tag not in _VOID:
            self._stack.append(silent)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._stack:
            self._stack.pop()

    def handle_data(self, data: str) -> None:
        if self._stack and not self._stack[-1]:
            self.parts.append(data)


def text_of(page: str) -> str:
    """Return the text of a page that is in the page's own language."""
    reader = _Reader()
    reader.feed(page)
    return " ".join(" ".join(reader.parts).split())


def language_of_page(page: str) -> str:
    """Return the language a page says it is in."""
    reader = _Reader()
    reader.feed(page)
    return reader.page


def english_in(page: str, *, names: tuple[str, ...] = ()) -> list[str]:
    """Return the English words among the commonest that a page shows, but for names."""
    text = text_of(page)
    for name in names:
        text = text.replace(name, "")
    return ENGLISH_WORDS.findall(text)
