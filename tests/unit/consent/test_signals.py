"""Signals: read as their specifications say, and only ever a no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.canonical import decode, sha256
from byleave.consent.signal.adapters import ADAPTERS, SignalRefusal, find, parse
from byleave.consent.signal.dictionary import tokens
from byleave.consent.signal.finding import Form, Subject, scopes_of
from byleave.errors import InputError
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from tests.conftest import ROOT

TAXONOMY = default_taxonomy()
VECTORS = ROOT / "tests" / "vectors" / "signals"


def cases() -> list[tuple[str, dict[str, Any]]]:
    return [
        (kind, case)
        for kind in ADAPTERS
        for case in json.loads((VECTORS / kind / "cases.json").read_text("ascii"))
    ]


@pytest.mark.parametrize(
    ("kind", "case"), cases(), ids=[f"{kind}: {case['name']}" for kind, case in cases()]
)
def test_the_vectors(kind: str, case: dict[str, Any]) -> None:
    """Each vector refuses exactly the scopes it names, says what it names, or fails by its code."""
    payload = case["payload"].encode()
    if "error" in case:
        with pytest.raises(InputError) as error:
            parse(kind, payload, case["form"], taxonomy=TAXONOMY)
        assert error.value.code == case["error"]
        return
    found = parse(kind, payload, case["form"], taxonomy=TAXONOMY)
    assert sorted(str(refusal.scope) for refusal in found) == sorted(case["refuses"])
    if "said" in case:
        assert [f.said for f in find(kind, payload, case["form"])] == case["said"]


def test_every_kind_has_accepted_ignored_and_refused_vectors() -> None:
    """For each kind there is a vector that refuses, one that says nothing, and one that fails."""
    for kind in ADAPTERS:
        mine = [case for name, case in cases() if name == kind]
        assert any(case.get("refuses") for case in mine)
        assert any(case.get("refuses") == [] for case in mine)
        assert any("error" in case for case in mine)
        assert {case["form"] for case in mine} >= set(map(str, ADAPTERS[kind].forms))


def test_nothing_in_the_package_can_grant() -> None:
    """No module of the signals names a grant of the event kinds: they only make refusals."""
    folder = ROOT / "src" / "byleave" / "consent" / "signal"
    files = list(folder.glob("*.py"))
    assert len(files) > 5
    assert not [p.name for p in files if "GRANT" in p.read_text("utf-8")]
    assert "GRANT" not in (ROOT / "src" / "byleave" / "service" / "signal.py").read_text("utf-8")


@given(st.sampled_from(sorted(ADAPTERS)), st.binary(max_size=200), st.sampled_from(list(Form)))
def test_any_bytes_are_read_or_refused_by_a_code(kind: str, payload: bytes, form: Form) -> None:
    """Whatever the bytes: refusals, nothing, or an InputError; never another exception."""
    codes = []
    try:
        found = parse(kind, payload, form, taxonomy=TAXONOMY)
    except InputError as error:
        found = ()
        codes.append(error.code)
    assert set(codes) <= {"signal.malformed", "signal.unknown"}
    assert all(isinstance(refusal, SignalRefusal) for refusal in found)


PIECES = [
    "train-ai", "search", "=", "n", "y", ",", ";", "(", ")", " ", "\t", '"n"', "?1", ":aA==:",
    "@17", "1.5", "-7", "A", '%"a%c3%bc"', "*",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_dictionary_says_n_only_where_n_is_the_last_value(text: str) -> None:
    """If the parser finds `train-ai` → `n`, the text holds `train-ai=n`, as a member of its own."""
    found = tokens(text.encode())
    if found and found.get("train-ai") == "n":
        assert "train-ai=n" in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {}),
        (b"a", {"a": None}),
        (b"a=b", {"a": "b"}),
        (b"  a=b  ", {"a": "b"}),
        (b"a=b ,\tc=d", {"a": "b", "c": "d"}),
        (b"a=(b c);d, e", {"a": None, "e": None}),
        (b"a=()", {"a": None}),
        (b"a=1.234", {"a": None}),
        (b"a=1.2345", None),
        (b"a=1234567890123456", None),
        (b"a=*t/x:y", {"a": "*t/x:y"}),
        (b'a="\\x"', None),
        (b"a=?2", None),
        (b"a=(b", None),
        (b"a=(b,c)", None),
        (b"A=b", None),
        (b"a==b", None),
        (b",a", None),
        (b"a;=b", None),
        (b"a=b;c=;d", None),
        (b"\xff", None),
    ],
)
def test_structured_dictionaries(text: bytes, found: dict[str, str | None] | None) -> None:
    """RFC 9651: keys, tokens and the extent of every item; anything else fails as a whole."""
    assert tokens(text) == found


def test_a_refusal_keeps_the_digest_and_no_part_of_the_payload() -> None:
    """The evidence names signal, version, form, statement and SHA-256; never a cookie."""
    payload = b"GET / HTTP/1.1\r\nCookie: session=hunter2\r\nSec-GPC: 1\r\n\r\n"
    (refusal,) = parse("gpc", payload, taxonomy=TAXONOMY)
    assert refusal.channel == "signal:gpc"
    assert decode(refusal.evidence().encode()) == {
        "form": "headers",
        "said": "Sec-GPC: 1",
        "sha256": sha256(payload).hex(),
        "signal": "gpc",
        "version": ADAPTERS["gpc"].version,
    }


def test_a_category_narrows_what_was_attached_to_it() -> None:
    """A signal of one file refuses uses of that category only; GPC speaks for the person."""
    payload = b"tdm-reservation: 1\n"
    (refusal,) = parse("tdmrep", payload, taxonomy=TAXONOMY, category="content.posts")
    assert str(refusal.scope) == "train/content.posts/*"
    with pytest.raises(InputError) as error:
        parse("gpc", b"Sec-GPC: 1", taxonomy=TAXONOMY, category="content.posts")
    assert error.value.code == "signal.category"


def test_a_purpose_of_the_operator_is_refused_too() -> None:
    """Training that only the operator's own file names falls under `ai_training`."""
    own = TAXONOMY.extend(
        read_mapping(
            "taxonomy: v1\nversion: own\npurposes:\n  train.vision:\n    sentence: See.\n"
            "    phrase: see\n    since: own\n",
            name="own.yaml",
        )
    )
    names = [str(scope) for scope in scopes_of(Subject.OTHER_TRAINING, own)]
    assert names == ["train.ranking/*/*", "train.safety/*/*", "train.vision/*/*"]


def test_the_subjects_together_are_all_training() -> None:
    """Generative and other training cover every use below `train`, and nothing else."""
    whole = set(TAXONOMY.expand(Scope.parse("train/*/*")))
    parts = {
        use
        for subject in (Subject.GENERATIVE, Subject.OTHER_TRAINING)
        for scope in scopes_of(subject, TAXONOMY)
        for use in TAXONOMY.expand(scope)
    }
    assert parts == whole
    assert whole


def test_the_page_names_every_adapter_with_its_version() -> None:
    """docs/spec/signals.md has the kind, version and source of each adapter in force."""
    page = (ROOT / "docs" / "spec" / "signals.md").read_text("utf-8")
    for adapter in ADAPTERS.values():
        assert f"`{adapter.kind}`" in page
        assert adapter.version in page
        assert adapter.source in page


def test_the_vectors_stand_where_the_page_says() -> None:
    """Every kind has a folder of vectors, and no folder is without a kind."""
    assert {path.name for path in Path(VECTORS).iterdir() if path.is_dir()} == set(ADAPTERS)
