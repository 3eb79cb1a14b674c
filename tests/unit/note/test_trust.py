"""Trust files: which checkpoints they accept, and which lines they refuse."""

from __future__ import annotations

import pytest

from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.note import (
    Checkpoint,
    KeyType,
    Signature,
    SignerKey,
    parse_note,
    parse_trust,
    sign_note,
)
from byleave.note.signed import add_signatures

LOG = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
WITNESSES = [
    SignerKey(name=f"w{n}.test.invalid", type=KeyType.COSIGNATURE, seed=bytes([n]) * 32)
    for n in range(1, 6)
]
TEXT = Checkpoint(origin=LOG.name, size=3, root=Digest(bytes(32))).format()
LINES = "".join(f"witness W{n} {key.verifier}\n" for n, key in enumerate(WITNESSES, start=1))


def trust_of(rest: str) -> str:
    """Return a trust file with the log and the five witnesses, and `rest`."""
    return f"log {LOG.verifier}\n{LINES}{rest}"


def cosigned(*numbers: int, seconds: int = 1_700_000_000) -> bytes:
    """Return the checkpoint signed by the log and the witnesses of these numbers."""
    lines = list(parse_note(sign_note(TEXT, [LOG])).signatures)
    for number in numbers:
        key = WITNESSES[number - 1]
        payload = key.sign(TEXT, seconds=seconds + number)
        lines.append(Signature(name=key.name, key_id=key.verifier.key_id, payload=payload))
    return add_signatures(TEXT, lines)


def code_of(trust: str, note: bytes) -> str:
    """Return the code with which a checkpoint is refused."""
    with pytest.raises(EvidenceError) as caught:
        parse_trust(trust).check(note)
    return caught.value.code


def test_without_witnesses_the_logs_signature_is_enough() -> None:
    """With `quorum none` a checkpoint signed by the log is accepted, and no witness is claimed."""
    found = parse_trust(f"log {LOG.verifier}\nquorum none\n").check(cosigned())
    assert (found.checkpoint.size, found.witnesses, found.newest) == (3, (), None)


def test_the_example_of_the_specification() -> None:
    """Groups within groups count as tlog-policy says: two of three, and one of two."""
    trust = trust_of("group X 2 W1 W2 W3\ngroup Y any W4 W5\ngroup XY all X Y\nquorum XY\n")
    found = parse_trust(trust).check(cosigned(1, 3, 5))
    assert found.witnesses == ("W1", "W3", "W5")
    assert found.newest == 1_700_000_005
    assert code_of(trust, cosigned(1, 2, 3)) == "trust.quorum"
    assert code_of(trust, cosigned(1, 4, 5)) == "trust.quorum"
    assert code_of(trust, cosigned()) == "trust.quorum"


def test_a_witness_can_be_the_quorum() -> None:
    """A quorum of one witness needs that witness and no other."""
    trust = trust_of("quorum W2\n")
    assert parse_trust(trust).check(cosigned(2)).witnesses == ("W2",)
    assert code_of(trust, cosigned(1, 3)) == "trust.quorum"


def test_witnesses_do_not_replace_the_log() -> None:
    """A checkpoint that every witness cosigned and the log did not sign is refused."""
    note = parse_note(cosigned(1, 2, 3, 4, 5))
    assert code_of(trust_of("quorum W1\n"), add_signatures(TEXT, note.signatures[1:])) == (
        "note.no-known-signature"
    )


def test_another_log_is_refused() -> None:
    """A checkpoint of an origin that is not listed is refused, though a listed key signed it."""
    text = Checkpoint(origin="other.test", size=3, root=Digest(bytes(32))).format()
    assert code_of(trust_of("quorum none\n"), sign_note(text, [LOG])) == "trust.unknown-log"


def test_a_listed_witness_that_fails_refuses_the_checkpoint() -> None:
    """A listed witness's bad cosignature refuses the checkpoint, though no quorum asks for it."""
    key = WITNESSES[0]
    bad = Signature(name=key.name, key_id=key.verifier.key_id, payload=bytes(72))
    note = add_signatures(TEXT, [*parse_note(cosigned()).signatures, bad])
    assert code_of(trust_of("quorum none\n"), note) == "note.bad-signature"


def test_a_log_may_change_its_key() -> None:
    """Two keys of one name are two keys of one log: either one's signature is accepted."""
    new = SignerKey(name=LOG.name, seed=bytes(32))
    trust = parse_trust(f"log {LOG.verifier}\nlog {new.verifier}\nquorum none\n")
    assert trust.check(sign_note(TEXT, [new])) == trust.check(sign_note(TEXT, [LOG]))


def test_spaces_comments_and_addresses_are_allowed() -> None:
    """Tabs, blank lines, comments and URLs change nothing."""
    plain = parse_trust(f"log {LOG.verifier}\nquorum none\n")
    loose = f"# a comment\n\n \t\n\tlog\t {LOG.verifier}  https://a.test/ \n  # more\nquorum none\n"
    assert parse_trust(loose) == plain
    assert parse_trust(loose.encode() + b"# \xff\xfe\n") == plain


@pytest.mark.parametrize(
    ("case", "text"),
    {
        "empty": "",
        "no newline": f"log {LOG.verifier}\nquorum none",
        "no quorum": f"log {LOG.verifier}\n",
        "no log": "quorum none\n",
        "two quorums": f"log {LOG.verifier}\nquorum none\nquorum none\n",
        "an unknown word": f"log {LOG.verifier}\nquorum none\nmirror x\n",
        "a quorum of nobody": f"log {LOG.verifier}\nquorum W9\n",
        "a quorum named below": f"log {LOG.verifier}\nquorum G\n{LINES}group G any W1\n",
        "a log listed twice": f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n",
        "a log with a witness's key": f"log {WITNESSES[0].verifier}\nquorum none\n",
        "a witness with a log's key": f"log {LOG.verifier}\nwitness a {LOG.verifier}\nquorum none\n",
        "a witness listed twice": trust_of(f"witness again {WITNESSES[0].verifier}\nquorum none\n"),
        "a name twice": trust_of("group W1 any W2\nquorum none\n"),
        "a group named none": trust_of("group none any W2\nquorum none\n"),
        "a group without members": trust_of("group G any\nquorum none\n"),
        "a threshold of zero": trust_of("group G 0 W1\nquorum none\n"),
        "a threshold too high": trust_of("group G 3 W1 W2\nquorum none\n"),
        "a threshold in words": trust_of("group G most W1 W2\nquorum none\n"),
        "a threshold with a zero": trust_of("group G 01 W1 W2\nquorum none\n"),
        "a member twice": trust_of("group G 2 W1 W1\nquorum G\n"),
        "a member of two groups": trust_of("group G any W1\ngroup H any W1\nquorum G\n"),
        "a member named below": trust_of("group G any H\ngroup H any W1\nquorum G\n"),
        "none as a member": trust_of("group G any none\nquorum G\n"),
        "a carriage return": f"log {LOG.verifier}\r\nquorum none\n",
        "a key cut short": f"log {str(LOG.verifier)[:-1]}\nquorum none\n",
        "too many words": f"log {LOG.verifier} a b\nquorum none\n",
    }.items(),
)
def test_a_doubtful_line_refuses_the_file(case: str, text: str) -> None:
    """Whatever tlog-policy does not allow refuses the whole file."""
    with pytest.raises(EvidenceError) as caught:
        parse_trust(text)
    assert caught.value.code == "trust.malformed", case


def test_the_line_is_named() -> None:
    """The error names the line that is wrong."""
    with pytest.raises(EvidenceError) as caught:
        parse_trust(f"log {LOG.verifier}\n\nquorum W1\n")
    assert caught.value.where == "line 3"
