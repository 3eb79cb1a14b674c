"""A witness cosigns what extends what it cosigned, and answers everything else as tlog-witness says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import InputError, WorldError
from byleave.ids import Digest
from byleave.note import Checkpoint, KeyType, SignerKey, ml_dsa, parse_note, parse_trust, sign_note
from byleave.note.signed import MAX_NOTE_BYTES, Signature, add_signatures
from byleave.tlog.reader import LogReader
from byleave.tlog.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    Answer,
    Witness,
    encode_request,
    origin_hash,
    parse_request,
)
from tests.unit.tlog.logs import ENTRIES, KEY, ORIGIN, Log

NOW = 1_700_000_000


class Memory:
    """What a witness remembers, in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.raced = False

    def get(self, origin: str) -> bytes | None:
        return self.kept.get(origin)

    def compare_and_swap(self, origin: str, old: bytes | None, new: bytes) -> bool:
        if self.raced or self.kept.get(origin) != old:
            return False
        self.kept[origin] = new
        return True


def made(*, kind: KeyType = KeyType.COSIGNATURE) -> tuple[Witness, Memory, SignerKey]:
    key = SignerKey(name="w.test.invalid", type=kind, seed=bytes([9]) * 32)
    memory = Memory()
    return Witness([key], {ORIGIN: [KEY.verifier]}, memory), memory, key


def request(log: Log, old: int, note: bytes | None = None) -> bytes:
    """Return an honest request from `old` to what the log serves."""
    served = note or log.tiles.published
    assert served is not None
    path = LogReader(log.tiles).consistency(old) if log.tiles.files else ()
    return encode_request(AddCheckpoint(old=old, path=path, note=served))


def signed(size: int, root: bytes) -> bytes:
    return sign_note(Checkpoint(origin=ORIGIN, size=size, root=Digest(root)).format(), [KEY])


KINDS = [
    KeyType.COSIGNATURE,
    pytest.param(
        KeyType.ML_DSA_44,
        marks=pytest.mark.skipif(not ml_dsa.available(), reason="no ML-DSA-44 here"),
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_it_cosigns_a_log_that_grows(kind: KeyType) -> None:
    """From nothing, through growth, and again at the same size, each answer meets the trust file."""
    witness, _, key = made(kind=kind)
    trust = parse_trust(f"log {KEY.verifier}\nwitness W {key.verifier}\nquorum W\n")
    log = Log()
    old = 0
    for size in (0, 1, 255, 256, 257, 700, 700):
        note = log.grow(*ENTRIES[old:size])
        answer = witness.add_checkpoint(request(log, old), seconds=NOW + size)
        assert answer.status == 200
        assert trust.check(note + answer.body).newest == NOW + size
        old = size


def test_it_serves_what_it_cosigned() -> None:
    """Under the origin's hash stands the checkpoint cosigned last, signed by log and witness."""
    witness, _, key = made()
    log = Log(ENTRIES[:5])
    log.publish()
    assert witness.checkpoint(origin_hash(ORIGIN)) is None
    witness.add_checkpoint(request(log, 0), seconds=NOW)
    served = witness.checkpoint(origin_hash(ORIGIN))
    assert served is not None
    names = [line.name for line in parse_note(served).signatures]
    assert names == [ORIGIN, key.name]
    assert witness.checkpoint(origin_hash("elsewhere")) is None


def test_lines_of_others_are_not_kept() -> None:
    """A signature line by nobody the witness knows is not repeated under its name."""
    witness, memory, _ = made()
    log = Log(ENTRIES[:5])
    note = parse_note(log.grow())
    stray = Signature(name="stray.invalid", key_id=b"none", payload=b"x")
    body = request(log, 0, add_signatures(note.text, [stray, *note.signatures]))
    assert witness.add_checkpoint(body, seconds=NOW).status == 200
    assert b"stray" not in memory.kept[ORIGIN]


def answered(body: bytes, *, grown: int = 5) -> Answer:
    """Return the answer of a witness that cosigned `grown` entries to a request."""
    witness, memory, _ = made()
    log = Log(ENTRIES[:grown])
    log.publish()
    assert witness.add_checkpoint(request(log, 0), seconds=NOW).status == 200
    before = dict(memory.kept)
    answer = witness.add_checkpoint(body, seconds=NOW + 1)
    assert (memory.kept == before) == (answer.status != 200)
    return answer


def test_400_for_what_is_no_request() -> None:
    """A body that is not old size, hashes, blank line and checkpoint is answered 400."""
    log = Log(ENTRIES[:9])
    good = request(Log(ENTRIES[:9]), 0, log.grow())
    for bad in (
        b"",
        b"old 5\n",
        good.replace(b"old 0", b"old 00"),
        good.replace(b"old 0", b"old -1"),
        good.replace(b"old 0", b"old\t0"),
        b"old 0\n" + b"AAAA\n" + good.split(b"\n", 1)[1],
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + good,
        good.replace(b"\n", b"\r\n"),
        good[: good.index(b"\n\n") + 2],
        good.rstrip(b"\n"),
    ):
        assert answered(bad).status == 400, bad


def test_404_for_a_log_it_does_not_follow() -> None:
    """A checkpoint of an unknown origin is answered 404."""
    other = SignerKey(name="other.invalid", seed=bytes(32))
    note = sign_note(
        Checkpoint(origin=other.name, size=1, root=merkle.EMPTY_ROOT).format(), [other]
    )
    assert answered(encode_request(AddCheckpoint(old=0, path=(), note=note))).status == 404


def test_403_for_a_signature_that_is_not_the_logs() -> None:
    """A checkpoint that no key of the log signed, or that one signed badly, is answered 403."""
    stranger = SignerKey(name=ORIGIN, seed=bytes(32))
    text = Checkpoint(origin=ORIGIN, size=9, root=merkle.EMPTY_ROOT).format()
    flipped = bytearray(sign_note(text, [KEY]))
    flipped[-10] ^= 1
    for note in (sign_note(text, [stranger]), bytes(flipped)):
        status = answered(encode_request(AddCheckpoint(old=5, path=(), note=note))).status
        assert status in {400, 403}


def test_400_for_an_old_size_above_the_new_one() -> None:
    """An old size above the checkpoint's is answered 400."""
    note = signed(3, bytes(32))
    assert answered(encode_request(AddCheckpoint(old=5, path=(), note=note))).status == 400


def test_409_for_another_size_than_the_last() -> None:
    """From another size than the one cosigned last the answer is 409 with that size, as text/x.tlog.size."""
    log = Log(ENTRIES[:9])
    log.publish()
    answer = answered(request(log, 0))
    assert (answer.status, answer.body, answer.kind) == (409, b"5\n", "text/x.tlog.size")


def test_409_for_another_tree_of_the_same_size() -> None:
    """Another root for the size cosigned last is answered 409, and handed over as evidence."""
    note = signed(5, bytes(32))
    answer = answered(encode_request(AddCheckpoint(old=5, path=(), note=note)))
    assert (answer.status, answer.body, answer.refused) == (409, b"5\n", note)


def test_422_for_a_tree_that_does_not_extend() -> None:
    """A larger tree with another history, or with no proof, is answered 422 and handed over."""
    log = Log([*ENTRIES[20:25], *ENTRIES[:4]])
    note = log.grow()
    for path in (LogReader(log.tiles).consistency(5), ()):
        answer = answered(encode_request(AddCheckpoint(old=5, path=path, note=note)))
        assert (answer.status, answer.refused) == (422, note)


def test_a_proof_from_nothing_is_empty() -> None:
    """A first request with hashes in it is answered 422."""
    witness, memory, _ = made()
    log = Log(ENTRIES[:5])
    body = encode_request(AddCheckpoint(old=0, path=(bytes(32),), note=log.grow()))
    assert witness.add_checkpoint(body, seconds=NOW).status == 422
    assert memory.kept == {}


def test_whoever_is_faster_wins() -> None:
    """When another request was answered in between, this one is told the size, and gets no cosignature."""
    witness, memory, _ = made()
    log = Log(ENTRIES[:5])
    log.publish()
    memory.raced = True
    answer = witness.add_checkpoint(request(log, 0), seconds=NOW)
    assert (answer.status, answer.body) == (409, b"0\n")


def test_nothing_is_answered_that_is_not_kept() -> None:
    """When the state cannot be written, no cosignature leaves the witness."""
    witness, memory, _ = made()
    log = Log(ENTRIES[:5])
    log.publish()

    def fails(origin: str, old: bytes | None, new: bytes) -> bool:
        raise WorldError("full", code="world.disk-full")

    memory.compare_and_swap = fails  # type: ignore[method-assign]
    with pytest.raises(WorldError):
        witness.add_checkpoint(request(log, 0), seconds=NOW)


def test_a_witness_has_a_witness_key() -> None:
    """A plain signing key cannot be a witness's."""
    with pytest.raises(InputError) as caught:
        Witness([KEY], {}, Memory())
    assert caught.value.code == "note.key"


def test_a_request_over_its_bound_is_refused_unread() -> None:
    """A request of over 1 MiB and a little is refused by its length."""
    with pytest.raises(InputError) as caught:
        parse_request(b"old 0\n\n" + b"x" * MAX_REQUEST_BYTES)
    assert caught.value.code == "witness.request"
    assert MAX_REQUEST_BYTES > MAX_NOTE_BYTES + 63 * 45 + 24


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(min_size=1, max_size=200),
)
def test_requests_survive_their_bytes(old: int, path: list[bytes], note: bytes) -> None:
    """A request written and read is the same request."""
    whole = AddCheckpoint(old=old, path=tuple(path), note=note)
    assert parse_request(encode_request(whole)) == whole


@given(st.data())
def test_any_bytes_are_answered(data: st.DataObject) -> None:
    """Whatever bytes arrive, made up or one honest request with some changed, the answer is one of six."""
    log = Log(ENTRIES[:5])
    log.publish()
    body = bytearray(request(log, 0))
    if data.draw(st.booleans()):
        body = bytearray(data.draw(st.binary(max_size=300)))
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(body) - 1))
            body[at] = data.draw(st.integers(0, 255))
    witness, _, _ = made()
    assert witness.add_checkpoint(bytes(body), seconds=NOW).status in {200, 400, 403, 404, 409, 422}
