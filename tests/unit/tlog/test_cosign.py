"""A checkpoint is served when enough witnesses cosigned it, and not before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from byleave.errors import EvidenceError, WorldError
from byleave.note import KeyType, Signature, SignerKey, parse_note, parse_trust
from byleave.note.signed import add_signatures
from byleave.note.trust import Trust
from byleave.tlog.cosign import Quorum
from byleave.tlog.fsck import fsck
from byleave.tlog.witness import Witness, parse_request
from tests.unit.tlog.logs import ENTRIES, KEY, ORIGIN, Log
from tests.unit.tlog.test_witness import Memory

NOW = 1_700_000_000


class Post:
    """A witness in this process, which can be told to misbehave."""

    def __init__(self, number: int) -> None:
        self.key = SignerKey(
            name=f"w{number}.test.invalid", type=KeyType.COSIGNATURE, seed=bytes([number]) * 32
        )
        self.memory = Memory()
        self.witness = Witness([self.key], {ORIGIN: [KEY.verifier]}, self.memory)
        self.calls: list[int] = []
        self.answer: Callable[[tuple[int, bytes]], tuple[int, bytes]] | None = None

    def __call__(self, body: bytes) -> tuple[int, bytes]:
        self.calls.append(parse_request(body).old)
        answer = self.witness.add_checkpoint(body, seconds=NOW)
        found = (answer.status, answer.body)
        return found if self.answer is None else self.answer(found)


def down(found: tuple[int, bytes]) -> tuple[int, bytes]:
    raise WorldError("cannot be fetched: nobody there", code="log.unreachable")


def made(
    quorum: str = "group Q 2 W1 W2 W3\nquorum Q", rounds: Sequence[Callable[[], None]] = ()
) -> tuple[Quorum, dict[str, Post], Trust]:
    """Return three witnesses, their quorum, and what happens before each further round."""
    posts = {f"W{n}": Post(n) for n in (1, 2, 3)}
    lines = "".join(f"witness {name} {post.key.verifier}\n" for name, post in posts.items())
    trust = parse_trust(f"log {KEY.verifier}\n{lines}{quorum}\n")

    def pause(turn: int) -> bool:
        if turn > len(rounds):
            return False
        rounds[turn - 1]()
        return True

    return Quorum(trust, posts, pause=pause), posts, trust


def test_a_checkpoint_is_served_with_its_cosignatures() -> None:
    """Growing step by step, each checkpoint that is served meets the quorum, and fsck is content."""
    quorum, posts, trust = made()
    log = Log()
    for size in (0, 1, 256, 700):
        note = log.grow(*ENTRIES[len(log.source.entries) : size], cosigners=quorum)
        assert trust.check(note).witnesses == ("W1", "W2", "W3")
    found = fsck(
        log.tiles, KEY.verifier, origin=ORIGIN, source=log.source, head=log.head, trust=trust
    )
    assert found.ok
    # asked from nothing once; afterwards each is asked from the size it cosigned last
    assert posts["W1"].calls == [0, 0, 1, 256]


def test_a_witness_that_knows_more_is_asked_from_there() -> None:
    """A publisher that starts anew learns from the 409 which size to prove from."""
    first, posts, _ = made()
    log = Log(ENTRIES[:9])
    log.publish(first)
    again = Quorum(first._trust, posts, pause=lambda turn: False)
    log.grow(*ENTRIES[9:300], cosigners=again)
    assert posts["W2"].calls == [0, 0, 9]


def test_the_quorum_is_enough() -> None:
    """With one of three down, two of three are served."""
    quorum, posts, trust = made()
    posts["W3"].answer = down
    note = Log(ENTRIES[:9]).grow(cosigners=quorum)
    assert trust.check(note).witnesses == ("W1", "W2")


def test_without_a_quorum_nothing_new_is_served() -> None:
    """With two down the new tree is signed and held back; the old checkpoint stays; later all is served."""
    quorum, posts, trust = made()
    log = Log(ENTRIES[:9])
    before = log.grow(cosigners=quorum)
    posts["W2"].answer = posts["W3"].answer = down
    with pytest.raises(WorldError) as caught:
        log.grow(*ENTRIES[9:20], cosigners=quorum)
    assert caught.value.code == "log.quorum-unmet"
    assert "W3: cannot be fetched" in str(caught.value.hint)
    assert log.tiles.published == before
    with pytest.raises(WorldError):
        log.grow(*ENTRIES[20:30], cosigners=quorum)
    assert log.tiles.published == before
    posts["W2"].answer = None
    assert log.publish(quorum).size == 30
    assert log.tiles.published is not None
    assert trust.check(log.tiles.published).witnesses == ("W1", "W2")
    assert fsck(log.tiles, KEY.verifier, origin=ORIGIN, source=log.source, head=log.head).ok


def test_missing_witnesses_are_asked_again() -> None:
    """While the pause says so, the missing ones are asked again, and those that signed are not."""

    def comes_back() -> None:
        posts["W2"].answer = None

    quorum, posts, trust = made(rounds=[lambda: None, comes_back])
    posts["W2"].answer = posts["W3"].answer = down
    note = Log(ENTRIES[:9]).grow(cosigners=quorum)
    assert trust.check(note).witnesses == ("W1", "W2")
    assert [len(posts[name].calls) for name in ("W1", "W2", "W3")] == [
        1,
        4,
        3,
    ]  # W2 had cosigned, and its answer was lost


def test_a_trust_file_that_asks_for_more_is_met_without_growth() -> None:
    """A log that did not grow is cosigned again when its trust file names a new witness."""
    log = Log(ENTRIES[:9])
    log.publish()
    quorum, _, trust = made("group Q all W1 W2 W3\nquorum Q")
    report = fsck(log.tiles, KEY.verifier, origin=ORIGIN, trust=trust)
    assert [problem.code for problem in report.problems] == ["trust.quorum"]
    log.publish(quorum)
    assert fsck(log.tiles, KEY.verifier, origin=ORIGIN, trust=trust).ok
    assert log.tiles.published is not None
    assert len(trust.check(log.tiles.published).witnesses) == 3
    served = log.tiles.published
    log.publish(quorum)
    assert log.tiles.published is served


def lying(post: Post) -> Callable[[tuple[int, bytes]], tuple[int, bytes]]:
    def another_key(found: tuple[int, bytes]) -> tuple[int, bytes]:
        line = Signature(name=post.key.name, key_id=post.key.verifier.key_id, payload=bytes(72))
        return 200, line.format().encode()

    return another_key


@pytest.mark.parametrize(
    "answer",
    [
        lambda found: (200, b""),
        lambda found: (200, b"\xff\xfe"),
        lambda found: (200, found[1] * 101),
        lambda found: (200, found[1][:-3] + b"\n"),
        lambda found: (200, b"x" * (1 << 17)),
        lambda found: (204, found[1]),
        lambda found: (403, b"no"),
        lambda found: (409, b"not a number\n"),
        lambda found: (409, b"7\n"),
        lambda found: (409, b"99999999999999999999999\n"),
        lambda found: (409, b"12\n"),
        lambda found: (500, b""),
    ],
)
def test_a_witness_that_answers_nonsense_is_absent(
    answer: Callable[[tuple[int, bytes]], tuple[int, bytes]],
) -> None:
    """An answer that is no cosignature of this checkpoint counts as none, and ends."""
    quorum, posts, _ = made("quorum W1")
    posts["W1"].answer = answer
    log = Log(ENTRIES[:9])
    with pytest.raises(WorldError) as caught:
        log.publish(quorum)
    assert caught.value.code == "log.quorum-unmet"
    assert log.tiles.published is None
    assert len(posts["W1"].calls) <= 4


def test_a_false_cosignature_is_not_taken() -> None:
    """A line with the witness's name and id and a wrong signature is left out, not published."""
    quorum, posts, trust = made("group Q 2 W1 W2 W3\nquorum Q")
    posts["W1"].answer = lying(posts["W1"])
    note = Log(ENTRIES[:9]).grow(cosigners=quorum)
    assert trust.check(note).witnesses == ("W2", "W3")


def test_an_unknown_line_in_an_answer_is_ignored() -> None:
    """Lines of other keys beside the witness's own are left out."""
    quorum, posts, trust = made("quorum W1")
    posts["W1"].answer = lambda found: (
        200,
        Signature(name="stray", key_id=b"none", payload=b"x").format().encode() + found[1],
    )
    note = Log(ENTRIES[:9]).grow(cosigners=quorum)
    assert trust.check(note).witnesses == ("W1", "W2", "W3")
    assert b"stray" not in note


def test_an_empty_log_and_unknown_witnesses() -> None:
    """A witness without an address is counted as absent; an empty log is cosigned like another."""
    _, posts, trust = made("quorum W1")
    log = Log()
    with pytest.raises(WorldError) as caught:
        log.publish(Quorum(trust, {}, pause=lambda turn: False))
    assert "no address" in str(caught.value.hint)
    assert log.publish(Quorum(trust, posts, pause=lambda turn: False)).size == 0


def test_enough_is_what_the_trust_file_says() -> None:
    """A note without the quorum is not enough; with a false cosignature beside it neither."""
    quorum, posts, trust = made("quorum W1")
    log = Log(ENTRIES[:9])
    bare = log.grow()
    assert not quorum.enough(bare)
    good = quorum.collect(bare, lambda old: ())
    assert quorum.enough(good)
    note = parse_note(good)
    false = Signature(
        name=posts["W2"].key.name, key_id=posts["W2"].key.verifier.key_id, payload=bytes(72)
    )
    bad = add_signatures(note.text, [*note.signatures[:2], false])
    with pytest.raises(EvidenceError):
        trust.check(bad)
    assert not quorum.enough(bad)
