"""Checking a proof where you are: the script, the page around it, and both as one file to keep.

The script is `static/verify.js` round the parts in `static/verify/`, one a concern, which share one
function's scope; nothing but their text is joined. The package's own tables are written into it:
the fields of every log entry and the names of every proof's checks. `static/check.js` joins it to
the page's form.
The kept file allows its own two scripts by their digests and nothing else: it loads nothing and
can send nothing (its Content-Security-Policy; docs/spec/check.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Template

from byleave.evidence.entry import ENTRY_KINDS, entry_fields
from byleave.pages.html import environment, render, style
from byleave.pages.view import Frame
from byleave.verify.claims import CLAIMS

__all__ = [
    "PARTS",
    "POLICY",
    "SAVED_NAME",
    "Checker",
    "checker",
    "document_of",
    "page",
    "saved",
    "script",
    "scripts",
    "static",
]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What the page may do: the two scripts, and fetching a proof from the same site."""
SAVED_NAME: Final = "byleave-check.html"
PARTS: Final = (
    "errors",
    "encoding",
    "tree",
    "curve",
    "note",
    "entry",
    "map",
    "files",
    "run",
    "members",
    "lineage",
    "disclosure",
    "certificate",
    "case",
    "verdict",
)
"""The verifier's parts, in the order in which they are joined."""
_PLACE: Final = '"@KINDS@"'
_PARTS: Final = '"@PARTS@";'


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What the page hands out.

    Attributes:
        kinds: Kinds of proof that this version knows.
        scripts: The two scripts' names, which change with their bytes.
        saved: Name of the page as one file.
        saved_sha256: Its digest, hexadecimal.
    """

    kinds: tuple[str, ...]
    scripts: tuple[str, ...]
    saved: str
    saved_sha256: str


@cache
def script() -> str:
    """Return the verifier, with the tables of this version of the package."""
    kinds = {
        "entries": {name: entry_fields(name) for name in ENTRY_KINDS},
        "checks": {name: [step.name for step in claim.steps] for name, claim in CLAIMS.items()},
    }
    parts = "\n".join(static(f"verify/{name}.js") for name in PARTS)
    frame = static("verify.js").replace(_PLACE, json.dumps(kinds, sort_keys=True), 1)
    return frame.replace(_PARTS, parts, 1)


@cache
def scripts() -> dict[str, bytes]:
    """Return both scripts by a name that changes with their bytes, the verifier first."""
    found = {"verify": script().encode(), "check": static("check.js").encode()}
    return {
        f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.js": data for name, data in found.items()
    }


@cache
def checker() -> Checker:
    """Return what the page hands out."""
    return Checker(
        kinds=tuple(sorted(CLAIMS)),
        scripts=tuple(scripts()),
        saved=SAVED_NAME,
        saved_sha256=hashlib.sha256(saved().encode()).hexdigest(),
    )


def page(frame: Frame, *, base: str, language: str = "en") -> str:
    """Write the page.

    Args:
        frame: What stands around it.
        base: Prefix of every address.
        language: Of its sentences.
    """
    twin = f"{base}/check.json"
    return render("check.html", frame, base=base, twin=twin, language=language, view=checker())


@cache
def saved() -> str:
    """Return the page as one file that works from a disk, without a network."""
    template = environment("en").get_template("check_saved.html")
    return document_of(template, [script(), static("check.js")])


def document_of(template: Template, code: Sequence[str], *, more: str = "", **facts: object) -> str:
    """Write a page that stands by itself: its own scripts and style, by digest, and nothing else.

    Args:
        template: Takes `policy`, `code` and `style`.
        code: The scripts.
        more: What its Content-Security-Policy allows besides, beginning with `; `.
        facts: What the template asks for.

    Raises:
        ValueError: A script would end its own element.
    """
    safe = [_static_safe(item) for item in code]
    css = style().decode()
    policy = (
        "default-src 'none'; script-src "
        + " ".join(_source(item) for item in safe)
        + f"; style-src {_source(css)}; base-uri 'none'; form-action 'none'"
        + more
    )
    return template.render(
        policy=policy, code=safe, style=css, frame=None, help=None, base="", twin=None, **facts
    )


def static(name: str) -> str:
    """Return a file of `static/`."""
    return (resources.files("byleave.pages") / "static" / name).read_text(encoding="utf-8")


def _static_safe(code: str) -> str:
    if "</" in code or "<!--" in code:
        raise ValueError("</ in a script")
    return code


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
