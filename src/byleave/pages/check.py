"""Checking a proof where you are: the script, the page around it, and both as one file to keep.

The script is `static/verify.js`, with the package's own tables written into it: the fields of every
log entry and the names of every proof's checks. `static/check.js` joins it to the page's form.
The kept file allows its own two scripts by their digests and nothing else: it loads nothing and
can send nothing (its Content-Security-Policy; docs/spec/check.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from byleave.evidence.entry import ENTRY_KINDS, entry_fields
from byleave.pages.html import environment, render, style
from byleave.pages.view import Frame
from byleave.verify.claims import CLAIMS

__all__ = ["POLICY", "SAVED_NAME", "Checker", "checker", "page", "saved", "script", "scripts"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What the page may do: the two scripts, and fetching a proof from the same site."""
SAVED_NAME: Final = "byleave-check.html"
_PLACE: Final = '"@KINDS@"'


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
    return _static("verify.js").replace(_PLACE, json.dumps(kinds, sort_keys=True), 1)


@cache
def scripts() -> dict[str, bytes]:
    """Return both scripts by a name that changes with their bytes, the verifier first."""
    found = {"verify": script().encode(), "check": _static("check.js").encode()}
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
    code = [_static_safe(script()), _static_safe(_static("check.js"))]
    css = style().decode()
    policy = (
        "default-src 'none'; script-src "
        + " ".join(_source(item) for item in code)
        + f"; style-src {_source(css)}; base-uri 'none'; form-action 'none'"
    )
    return (
        environment("en")
        .get_template("check_saved.html")
        .render(policy=policy, code=code, style=css, frame=None, base="", twin=None)
    )


def _static(name: str) -> str:
    return (resources.files("byleave.pages") / "static" / name).read_text(encoding="utf-8")


def _static_safe(code: str) -> str:
    """Return code that may stand in a page as it is.

    Raises:
        ValueError: It would end its own element.
    """
    if "</" in code or "<!--" in code:
        raise ValueError("</ in a script")
    return code


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
