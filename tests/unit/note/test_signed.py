"""Signed notes and checkpoints: one spelling, and whose signature counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.note import (
    Checkpoint,
    Note,
    Signature,
    SignerKey,
    VerifierKey,
    open_note,
    parse_checkpoint,
    parse_note,
    sign_note,
)
from byleave.note.signed import MAX_NOTE_BYTES, add_signatures

KEY = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
OTHER = SignerKey(name="other.test.invalid", seed=bytes(32))
TEXT = b"line one\n\nline three\n"
NOTE = sign_note(TEXT, [KEY])

# From the package documentation of golang.org/x/mod/sumdb/note.
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    "RZb6KE6RyyBwJnAM=\n"
)

# The example of C2SP's tlog-checkpoint, and of tlog-cosignature.
CHECKPOINT_TEXT = (
    b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)


def code_of(data: bytes) -> str:
    """Return the code that parsing raises."""
    with pytest.raises(EvidenceError) as caught:
        parse_note(data)
    return caught.value.code


def test_go_agrees_on_notes() -> None:
    """The note in the documentation of Go's note package opens under its key, and is what we sign."""
    text = GO_NOTE.partition("\n\n")[0].encode() + b"\n"
    assert sign_note(text, [SignerKey.parse(GO_SKEY)]) == GO_NOTE.encode()
    opened = open_note(parse_note(GO_NOTE.encode()), [VerifierKey.parse(GO_VKEY)])
    assert opened[0].key.name == "PeterNeumann"


@given(st.integers(0, len(GO_NOTE.encode()) - 1), st.integers(0, 7))
def test_a_flipped_bit_opens_nothing(at: int, bit: int) -> None:
    """A note with one bit changed does not open under its key."""
    raw = bytearray(GO_NOTE.encode())
    raw[at] ^= 1 << bit
    with pytest.raises(EvidenceError) as caught:
        open_note(parse_note(bytes(raw)), [VerifierKey.parse(GO_VKEY)])
    assert caught.value.code.startswith("note.")


def test_a_note_survives_its_bytes() -> None:
    """A note parses to its text and signatures, and these make the same bytes."""
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert add_signatures(note.text, note.signatures) == NOTE


def test_unknown_keys_are_ignored() -> None:
    """A signature by an unknown key neither helps nor harms, whatever its bytes are."""
    junk = Signature(name="unknown.test", key_id=b"abcd", payload=b"x")
    note = parse_note(add_signatures(TEXT, [junk, *parse_note(NOTE).signatures]))
    assert [o.key for o in open_note(note, [KEY.verifier])] == [KEY.verifier]
    with pytest.raises(EvidenceError) as caught:
        open_note(note, [OTHER.verifier])
    assert caught.value.code == "note.no-known-signature"


@pytest.mark.parametrize("shared", ["name", "id"])
def test_half_a_key_is_an_unknown_key(shared: str) -> None:
    """A signature that shares only its name or only its id with a known key is ignored."""
    good = parse_note(NOTE).signatures[0]
    name = good.name if shared == "name" else "elsewhere.test"
    key_id = good.key_id if shared == "id" else b"zzzz"
    half = Signature(name=name, key_id=key_id, payload=b"wrong")
    assert open_note(parse_note(add_signatures(TEXT, [half, good])), [KEY.verifier])


def test_a_known_key_that_fails_refuses_the_note() -> None:
    """A bad signature by a known key refuses the note, also beside a good one."""
    good = parse_note(NOTE).signatures[0]
    bad = Signature(name=KEY.name, key_id=KEY.verifier.key_id, payload=KEY.sign(b"else\n"))
    extra = parse_note(sign_note(TEXT, [OTHER])).signatures[0]
    for signatures in ([bad], [extra, bad], [good, bad], [bad, good]):
        with pytest.raises(EvidenceError) as caught:
            open_note(parse_note(add_signatures(TEXT, signatures)), [KEY.verifier, OTHER.verifier])
        assert caught.value.code == "note.bad-signature"


def test_a_key_counts_once() -> None:
    """Two good signatures by one key open as one."""
    good = parse_note(NOTE).signatures[0]
    assert len(open_note(parse_note(add_signatures(TEXT, [good, good])), [KEY.verifier])) == 1


def test_order_of_signatures_does_not_matter() -> None:
    """A note opens with its log's signature after others."""
    lines = [*parse_note(sign_note(TEXT, [OTHER])).signatures, *parse_note(NOTE).signatures]
    assert open_note(parse_note(add_signatures(TEXT, lines)), [KEY.verifier])


@pytest.mark.parametrize(
    ("case", "data"),
    {
        "empty": b"",
        "no signatures": TEXT,
        "no signature after the blank line": TEXT + b"\n",
        "no last newline": NOTE[:-1],
        "a second newline": NOTE + b"\n",
        "a control character": NOTE.replace(b"one", b"o\te"),
        "a carriage return": NOTE.replace(b"one\n", b"one\r\n"),
        "not utf-8": NOTE.replace(b"one", b"\xff\xfe\xfd"),
        "a hyphen for the dash": NOTE.replace("\u2014".encode(), b"-"),
        "two spaces": NOTE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        "no name": NOTE.replace(b"log.test.invalid ", b" "),
        "a plus in the name": NOTE.replace(b"log.test", b"log+test"),
        "a text without newline": b"text" + NOTE[len(TEXT) :],
        "a signature of four bytes": TEXT + "\n\u2014 a AAAAAA==\n".encode(),
        "stray base64 bits": TEXT + "\n\u2014 a AAAAAAB=\n".encode(),
    }.items(),
)
def test_another_spelling_is_no_note(case: str, data: bytes) -> None:
    """A note in another spelling is refused before any key is looked at."""
    assert code_of(data) == "note.malformed", case


def test_a_note_has_limits() -> None:
    """A note over 1 MiB, or with over 100 signatures, is refused; one with 100 is read."""
    assert code_of(b"x" * (MAX_NOTE_BYTES + 1)) == "note.too-large"
    good = list(parse_note(NOTE).signatures)
    assert len(parse_note(add_signatures(TEXT, good * 100)).signatures) == 100
    line = NOTE[len(TEXT) + 1 :]
    assert code_of(TEXT + b"\n" + line * 101) == "note.too-large"


@pytest.mark.parametrize("text", [b"no newline", b"a\rb\n", b"\xff\n"])
def test_what_cannot_stand_in_a_note_is_not_signed(text: bytes) -> None:
    """A text that would not read back is refused by the signer."""
    with pytest.raises(EvidenceError) as caught:
        sign_note(text, [KEY])
    assert caught.value.code == "note.malformed"


def test_signatures_cannot_smuggle_text() -> None:
    """A text that ends in a blank line and a signature is not taken apart differently."""
    tricky = NOTE
    assert parse_note(sign_note(tricky, [OTHER])).text == tricky


def test_the_checkpoint_of_the_specification_reads() -> None:
    """C2SP's example checkpoint reads, and writes back to its bytes."""
    checkpoint = parse_checkpoint(CHECKPOINT_TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.format() == CHECKPOINT_TEXT


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_survive_their_bytes(size: int, root: bytes) -> None:
    """A checkpoint written and read is the same."""
    checkpoint = Checkpoint(origin="a.test/b", size=size, root=Digest(root))
    assert parse_checkpoint(checkpoint.format()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        b"",
        CHECKPOINT_TEXT[:-1],
        CHECKPOINT_TEXT + b"extension\n",
        CHECKPOINT_TEXT.replace(b"20852163", b"020852163"),
        CHECKPOINT_TEXT.replace(b"20852163", b"-1"),
        CHECKPOINT_TEXT.replace(b"20852163", b"9223372036854775808"),
        CHECKPOINT_TEXT.replace(b"2I=", b"2J="),
        CHECKPOINT_TEXT.replace(b"CsUY", b""),
        CHECKPOINT_TEXT.replace(b"example.com", b"example com"),
        b"\n" + CHECKPOINT_TEXT,
        b"\xff\n1\nx\n",
    ],
)
def test_another_spelling_is_no_checkpoint(text: bytes) -> None:
    """Extension lines, other numbers and other base64 are refused."""
    with pytest.raises(EvidenceError) as caught:
        parse_checkpoint(text)
    assert caught.value.code == "note.malformed"


def test_parsing_verifies_nothing() -> None:
    """A parsed note is only parsed: its signatures may be anybody's."""
    assert parse_note(
        add_signatures(TEXT, [Signature(name="a", key_id=b"1234", payload=b"5")])
    ) == (Note(TEXT, (Signature(name="a", key_id=b"1234", payload=b"5"),)))
