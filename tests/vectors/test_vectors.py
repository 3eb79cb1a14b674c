"""The vectors: each is read as its header says, and accepted or refused by the code it names."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from byleave import merkle
from byleave.errors import EvidenceError
from byleave.evidence.bucket import label
from byleave.evidence.entry import Entry, parse_entry
from byleave.evidence.vrf import verify_vrf
from byleave.note import parse_trust
from byleave.verify import verify
from tests.vectors.generate import all_cases, write
from tests.vectors.world import honest

HERE = Path(__file__).resolve().parent
FILES = sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/*.json"))


def outcome(case: dict[str, Any]) -> str:
    """Return `accept`, or the code a vector is refused with."""
    try:
        match case["kind"]:
            case "inclusion":
                merkle.verify_inclusion(
                    bytes.fromhex(case["leaf"]),
                    case["index"],
                    size=case["size"],
                    path=[bytes.fromhex(item) for item in case["path"]],
                    root=bytes.fromhex(case["root"]),
                )
            case "consistency":
                merkle.verify_consistency(
                    old=case["old"],
                    old_root=bytes.fromhex(case["old_root"]),
                    new=case["new"],
                    new_root=bytes.fromhex(case["new_root"]),
                    path=[bytes.fromhex(item) for item in case["path"]],
                )
            case "checkpoint":
                parse_trust(case["trust"]).check(base64.b64decode(case["note"]))
            case "entry":
                parse_entry(base64.b64decode(case["entry"]), Entry)
            case "proof":
                receipt = None if case["receipt"] is None else base64.b64decode(case["receipt"])
                verdict = verify(base64.b64decode(case["proof"]), case["trust"], receipt)
                return "accept" if verdict.failed is None else str(verdict.failed.code)
            case "map":
                for name, secret in case["secrets"].items():
                    whole = label(bytes.fromhex(secret), bytes.fromhex(case["epoch"]))
                    assert whole[:16].hex() == case["labels"][name]
                assert honest().maps.root.hex() == case["root"]
            case "vrf":
                output = verify_vrf(*(bytes.fromhex(case[n]) for n in ("public", "alpha", "proof")))
                assert output.hex() == case["output"]
            case kind:
                raise AssertionError(kind)
    except EvidenceError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize("file", FILES)
def test_a_vector_is_what_its_header_says(file: str) -> None:
    """Each vector is accepted, or refused with the error code that it expects."""
    case = json.loads((HERE / file).read_text(encoding="ascii"))
    assert outcome(case) == case["expect"]


def test_the_generator_writes_these_vectors() -> None:
    """The generator beside the vectors makes exactly these files, byte for byte."""
    made = {path: write(path, case) for path, case in all_cases().items()}
    assert sorted(made) == FILES
    for path, content in made.items():
        assert (HERE / path).read_text(encoding="ascii") == content, path


def test_each_format_accepts_and_refuses() -> None:
    """Each parser's vectors hold at least one that is accepted and one that is refused."""
    for group in ("merkle", "note", "proof", "entry", "vrf"):
        expected = {
            json.loads((HERE / file).read_text(encoding="ascii"))["expect"]
            for file in FILES
            if file.startswith(group)
        }
        assert "accept" in expected
        assert len(expected) > 1
