"""Log proofs, receipts and proof files: one spelling each, and limits."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import RecordOpening
from byleave.evidence.enrolment import enrolment_commitment, event_commitment
from byleave.evidence.log_proof import LoggedEntry, LogProof, parse_log_proof
from byleave.evidence.proof_file import ProofFile, encode_proof_file, parse_proof_file
from byleave.evidence.receipt import MAX_RECEIPT_BYTES, parse_receipt
from tests.vectors.world import World, derive, event_of, honest


@cache
def world() -> World:
    """Return the honest platform."""
    return honest()


HASHES = st.binary(min_size=32, max_size=32)


@given(st.integers(0, 2**63 - 1), st.lists(HASHES, max_size=63))
def test_log_proofs_survive_their_text(index: int, path: list[bytes]) -> None:
    """A log proof written and read is the same, and reads to the same text."""
    proof = LogProof(index=index, path=tuple(path), checkpoint=b"text\n\nmore\n")
    text = proof.format()
    assert parse_log_proof(text) == proof
    assert parse_log_proof(text).format() == text


GOOD = LogProof(index=7, path=(bytes(32),), checkpoint=b"c\n").format()


@pytest.mark.parametrize(
    ("case", "text"),
    {
        "empty": "",
        "another version": GOOD.replace("@v1", "@v2"),
        "no index": GOOD.replace("index 7\n", ""),
        "an index with a zero": GOOD.replace("index 7", "index 07"),
        "an index beyond 63 bits": GOOD.replace("index 7", "index 9223372036854775808"),
        "an extra line": GOOD.replace("index 7", "extra AAAA\nindex 7"),
        "a hash of 31 bytes": GOOD.replace("A" * 43 + "=", "A" * 42 + "=="),
        "stray bits": GOOD.replace("AAA=", "AAB="),
        "no checkpoint": GOOD.removesuffix("c\n"),
        "no blank line": GOOD.replace("\n\n", "\n"),
        "a carriage return": GOOD.replace("index 7\n", "index 7\r\n"),
        "a lone surrogate": GOOD + "\ud800",
    }.items(),
)
def test_another_spelling_is_no_log_proof(case: str, text: str) -> None:
    """A log proof in any other spelling is refused; the optional extra line is one."""
    with pytest.raises(EvidenceError) as caught:
        parse_log_proof(text)
    assert caught.value.code == "proof.log-proof", case


def test_a_log_proof_has_limits() -> None:
    """A log proof with 64 hashes, or of over 1 MiB, is refused."""
    long = LogProof(index=0, path=(bytes(32),) * 64, checkpoint=b"c\n").format()
    for text in (long, GOOD + "x" * (1 << 21)):
        with pytest.raises(EvidenceError) as caught:
            parse_log_proof(text)
        assert caught.value.code == "proof.too-large"


def files() -> list[ProofFile]:
    """Return a proof file of each kind and shape."""
    at = world()
    return [
        at.absence("cyd"),
        at.absence("dov", with_label=False),
        at.presence("ada"),
        at.consent_event("bea"),
    ]


@pytest.mark.parametrize("number", range(4))
def test_proof_files_survive_their_bytes(number: int) -> None:
    """A proof file written and read is the same; read and written, the same bytes."""
    proof = files()[number]
    data = encode_proof_file(proof)
    assert parse_proof_file(data) == proof
    assert encode_proof_file(parse_proof_file(data)) == data


@pytest.mark.parametrize("member", ["ada", "cyd"])
def test_receipts_survive_their_bytes(member: str) -> None:
    """A receipt written and read is the same; read and written, the same bytes."""
    receipt = world().receipt(member)
    assert parse_receipt(receipt.encode()) == receipt
    assert parse_receipt(receipt.encode()).encode() == receipt.encode()


def test_a_proof_file_holds_no_secret() -> None:
    """Absence and presence files hold neither the member's secret, id, nor the label's other half."""
    for proof, member in ((world().absence("cyd"), "cyd"), (world().presence("ada"), "ada")):
        text = encode_proof_file(proof).decode()
        secret = derive(f"secret {member}")
        blind = canonical.tagged(0x10, secret, world().maps.epoch)[16:]
        for hidden in (secret.hex(), blind.hex(), f'"{member}"'):
            assert hidden not in text


def test_evidence_prints_no_secret() -> None:
    """Neither a receipt nor its events print a member, a secret or a salt."""
    shown = repr(world().receipt("ada")) + repr(world().consent_event("ada"))
    assert "ada" not in shown
    assert repr(derive("secret ada")) not in shown
    assert repr(derive("event salt ada")) not in shown


def document_of(number: int) -> Any:
    """Return a proof file as plain JSON."""
    return json.loads(encode_proof_file(files()[number]))


def edit(document: Any, path: str, value: object) -> bytes:
    """Put a value at a dotted path (None: take it away), and encode canonically."""
    inner = document
    *above, last = path.split(".")
    for key in above:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return canonical.encode(document)


H = "0" * 64
REJECTED: list[tuple[int, str, Any, str]] = [
    (0, "format", "byleave-proof/v2", "proof.malformed"),
    (0, "kind", "exclusion", "proof.unknown-kind"),
    (0, "kind", "presence", "proof.malformed"),
    (0, "kind", None, "proof.unknown-kind"),
    (0, "note", "x", "proof.malformed"),
    (0, "digest", None, "proof.malformed"),
    (0, "digest", "0", "proof.malformed"),
    (0, "map", None, "proof.malformed"),
    (0, "map", [], "proof.malformed"),
    (0, "map.bucket", 3, "proof.malformed"),
    (0, "map.label", "00", "proof.malformed"),
    (0, "map.label", 5, "proof.malformed"),
    (0, "map.inner", H.upper().replace("0", "A"), "proof.malformed"),
    (0, "map.labels", ["00" * 16] * 256, "proof.malformed"),
    (0, "map.path", [H] * 41, "proof.malformed"),
    (0, "map.path", "x", "proof.malformed"),
    (0, "entries.release", None, "proof.malformed"),
    (0, "entries.other", {}, "proof.malformed"),
    (0, "entries.release.entry", "AB==", "proof.malformed"),
    (0, "entries.release.entry", "A" * 4 * 21846, "proof.malformed"),
    (0, "entries.release.proof", "x", "proof.log-proof"),
    (0, "entries.release.proof", 5, "proof.malformed"),
    (0, "entries.release.note", "x", "proof.malformed"),
    (2, "map.records.0.role", "author", "proof.malformed"),
    (2, "map.records.0.note", "x", "proof.malformed"),
    (2, "map.records.0.salt", None, "proof.malformed"),
    (2, "map.records.0.opening", {}, "proof.malformed"),
    (2, "map.records.0.opening.index", -1, "proof.malformed"),
    (2, "map.commitments", [H] * 256, "proof.malformed"),
    (3, "event", "x", "proof.malformed"),
    (3, "salt", "00", "proof.malformed"),
    (3, "entries.event", None, "proof.malformed"),
    (3, "map", {}, "proof.malformed"),
]


@pytest.mark.parametrize(("number", "path", "value", "code"), REJECTED)
def test_a_proof_file_has_exactly_its_fields(
    number: int, path: str, value: object, code: str
) -> None:
    """A field missing, added or of another form refuses the file by code."""
    with pytest.raises(EvidenceError) as caught:
        parse_proof_file(edit(document_of(number), path, value))
    assert caught.value.code == code


def test_a_proof_file_has_one_encoding() -> None:
    """The same document with spaces, another order of keys or a key twice is refused."""
    good = encode_proof_file(files()[0])
    document = json.loads(good)
    turned = dict(reversed(document.items()))
    for data in (
        json.dumps(document).encode(),
        json.dumps(turned, separators=(",", ":")).encode(),
        good + b"\n",
        b"\xef\xbb\xbf" + good,
        good.replace(b'{"digest"', b'{"digest":"","digest"', 1),
        good.replace(b'"kind":"absence"', b'"kind":"\\u0061bsence"'),
    ):
        with pytest.raises(EvidenceError) as caught:
            parse_proof_file(data)
        assert caught.value.code == "proof.malformed"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("format", "byleave-receipt/v2", "receipt.malformed"),
        ("note", "x", "receipt.malformed"),
        ("member", "", "receipt.malformed"),
        ("member", 5, "receipt.malformed"),
        ("member", "x" * 1025, "receipt.malformed"),
        ("secret", "00", "receipt.malformed"),
        ("events", {}, "receipt.malformed"),
        ("events.0.note", "x", "receipt.malformed"),
        ("events.0.event", "x", "receipt.malformed"),
        ("events.0.salt", "0" * 64, "receipt.commitment"),
        ("events.0.event.kind", "refusal", "receipt.commitment"),
        ("events.0.event.member", "bea", "receipt.commitment"),
        ("secret", "0" * 64, "receipt.commitment"),
        ("enrolment.proof", "x", "proof.log-proof"),
        ("enrolment.entry", "e30=", "entry.malformed"),
    ],
)
def test_a_receipt_has_exactly_its_fields(path: str, value: object, code: str) -> None:
    """A receipt with a field missing, added or changed is refused by code."""
    document = json.loads(world().receipt("ada").encode())
    with pytest.raises(EvidenceError) as caught:
        parse_receipt(edit(document, path, value))
    assert caught.value.code == code


def test_a_receipts_entry_is_an_enrolment() -> None:
    """A consent event's entry does not pass for an enrolment."""
    receipt = world().receipt("ada")
    with pytest.raises(EvidenceError) as caught:
        parse_receipt(replace(receipt, enrolment=receipt.events[0].logged).encode())
    assert caught.value.code == "verify.wrong-entry"


def test_a_receipt_has_limits() -> None:
    """A receipt of over 16 MiB is refused before it is parsed; so is what is no JSON."""
    for data, code in (
        (b" " * (MAX_RECEIPT_BYTES + 1), "proof.too-large"),
        (b"", "receipt.malformed"),
    ):
        with pytest.raises(EvidenceError) as caught:
            parse_receipt(data)
        assert caught.value.code == code


@pytest.mark.parametrize("data", [b"", bytes(81), bytes(82), bytes(48) + b"\x01\x05" + bytes(32)])
def test_record_leaf_data_has_82_bytes_and_known_codes(data: bytes) -> None:
    """Other lengths, roles and grounds are refused."""
    with pytest.raises(EvidenceError) as caught:
        RecordOpening.of(data)
    assert caught.value.code == "map.malformed"


def test_commitments_need_their_secret() -> None:
    """A secret or salt of another length commits to nothing."""
    for call in (
        lambda: enrolment_commitment(bytes(31), "a"),
        lambda: event_commitment(bytes(33), event_of("a")),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "map.parameters"


def test_a_logged_entry_has_two_members() -> None:
    """An object without entry and proof, or with more, is no logged entry."""
    good = world().receipt("cyd").enrolment.to_dict()
    assert LoggedEntry.read(good) == world().receipt("cyd").enrolment
    bad: Any
    for bad in ({}, {**good, "x": 1}, {**good, "entry": 5}, [], None):
        with pytest.raises(ValueError, match=r"^$"):
            LoggedEntry.read(bad)


@pytest.mark.parametrize("mark", [None, False, 0, "true", [], True])
def test_a_file_that_is_not_private_has_no_mark(mark: object) -> None:
    """A public proof file with any `private`, null included, is another spelling and refused."""
    document: Any = json.loads(encode_proof_file(replace(world().absence("cyd"), receipt=None)))
    parse_proof_file(canonical.encode(document))
    document["private"] = mark
    with pytest.raises(EvidenceError) as refused:
        parse_proof_file(canonical.encode(document))
    assert refused.value.code == "proof.malformed"
