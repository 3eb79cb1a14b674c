"""The catalogue reads easily, claims nothing it must not, and each sentence is used."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from byleave.pages import words
from byleave.pages.view import DepthRow, Standing, read
from tests.conftest import ROOT

# A sentence with its places filled as a page would fill them.
PLACES = {
    "member": "m-1", "through": "one", "affected": "9", "stopped": "9", "origin": "log.example.com",
    "at": "3 October 2024", "authority": "the office", "because": "", "capacity": "5",
    "contact": "us", "coverage": "13%", "date": "3 October 2024", "done": "1", "index": "17",
    "inventory": "118", "k": "5", "kept": "9", "members": "9 people", "messages": "9",
    "name": "one", "notice": "one", "number": "1", "object": "set 4", "objects": "set 4",
    "parent": "one", "present": "1", "all": "2", "reason": "no yes on record",
    "records": "9 records", "relative": "in 9 days", "release": "one", "rows": "9 records",
    "scope": "this", "size": "9", "snapshot": "set 4", "total": "2", "version": "2",
    "what": "this", "whom": "us", "purpose": "Show it", "days": "3", "names": "one, two", "last": "three", "more": "4", "as_author": "4", "as_recipient": "5", "data": "one", "rules": "one", "use": "this",
}  # fmt: skip


class _Places(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "one"


SENTENCES = {key: text.format_map(_Places(PLACES)) for key, text in words.SAY.items()} | {
    f"limits.{n}": text for n, text in enumerate(words.LIMITS)
}
# The report, the gate page and the operator's overview are for engineers and courts: they have the names of statutes and courts in it.
MEMBERS = {
    key: text
    for key, text in SENTENCES.items()
    if not key.startswith(("report.", "gate.", "house."))
}
# Labels of one or two words have no grade; a sentence has a full stop.
GRADED = {key: text for key, text in MEMBERS.items() if text.endswith((".", ":"))}
BANNED = re.compile(
    r"forgotten|due to forget|guarantee|we value|maximi[sz]e|might|don't|do not disable|trust us|"
    r"best experience|seamless|user\b|customer",
    re.IGNORECASE,
)


def syllables(word: str) -> int:
    """Estimate the syllables of an English word: groups of vowels, less a silent end."""
    word = re.sub(r"[^a-z]", "", word.lower())
    word = re.sub(r"(?:[^laeiouy]es|[^aeioutd]ed|[^laeiouy]e)$", "", word)
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def sentences(text: str) -> list[list[str]]:
    """Split a text into sentences, each a list of words."""
    parts = re.split(r"(?<=[.:?])\s+", text)
    found = [re.findall(r"[A-Za-z0-9][\w'-]*", part) for part in parts]
    return [words_ for words_ in found if words_]


def grade(text: str) -> float:
    """Return the Flesch–Kincaid grade of a text."""
    split = sentences(text)
    count = sum(map(len, split))
    spoken = sum(syllables(word) for sentence in split for word in sentence)
    return 0.39 * count / len(split) + 11.8 * spoken / count - 15.59


@pytest.mark.parametrize("key", sorted(MEMBERS))
def test_a_sentence_has_at_most_twenty_words(key: str) -> None:
    """M10: no sentence that a member reads has more than 20 words."""
    assert max(map(len, sentences(MEMBERS[key]))) <= 20


def test_the_pages_read_at_grade_eight_or_below() -> None:
    """M10: every string of two sentences or eight words has a Flesch–Kincaid grade of at most 8."""
    long = {key: text for key, text in GRADED.items() if len(text.split()) >= 8}
    assert len(long) > 40
    assert {key: round(grade(text), 1) for key, text in long.items() if grade(text) > 8} == {}


def test_the_grade_of_all_member_pages_together_is_low() -> None:
    """M10: all member-facing sentences together are at grade 5 or below."""
    assert grade(" ".join(GRADED.values())) <= 5


def test_the_grade_finds_hard_text() -> None:
    """The measure above puts a sentence of legal prose over grade 8."""
    hard = (
        "Notwithstanding the aforementioned provisions, the controller may continue processing "
        "personal information pursuant to applicable legislation."
    )
    assert grade(hard) > 8


@pytest.mark.parametrize("key", sorted(SENTENCES))
def test_no_banned_words(key: str) -> None:
    """M14–M19: no string pleads, promises or calls a withdrawal forgotten."""
    assert not BANNED.search(SENTENCES[key])


def test_only_agreement_is_called_consent() -> None:
    """M8: of the grounds in words, only `consent` says that the member agreed."""
    assert [ground for ground, text in words.GROUNDS.items() if "you agreed" in text] == ["consent"]


def test_the_limits_block_is_the_agreed_one() -> None:
    """The limits block is word for word the agreed text."""
    assert " ".join(words.LIMITS) == (
        "It cannot show that nobody trained on your data outside this system. It cannot show that "
        "each record was filed under the right person. It cannot bring back a copy someone kept. "
        "Auditors can repeat our training and test our models. That makes cheating harder. It does "
        "not rule it out."
    )


def test_every_sentence_is_used_and_every_use_exists() -> None:
    """Each key of the catalogue is asked for somewhere, and each key asked for is there."""
    pages = ROOT / "src" / "byleave"
    files = [*(pages / "pages").rglob("*.html"), *(pages / "pages").glob("*.py")]
    files += [*(pages / "portal").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    asked = set(re.findall(r"say\(\s*\"([a-z.-]+)\"[,)]", text))
    assert asked <= set(words.SAY)
    # asked for with an end that is known later: `say("state." ~ row.state)`, `say(f"line.{kind}")`
    families = tuple(set(re.findall(r"say\(\s*f?\"([a-z.-]+[.-])(?:\" ~|\{)", text)))
    messages = re.compile(r"(lost|gone|left|refused|others|fault|out|used|busy)\.(title|text|link)")
    named = {k for k in words.SAY if f'"{k}"' in text or k in words.BECAUSE.values()}
    unused = {
        k
        for k in words.SAY
        if k not in named and not k.startswith(families) and not messages.fullmatch(k)
    }
    assert not unused


@pytest.mark.parametrize("depth", ["stopped", "dropped", "unlearned", "recalled"])
@pytest.mark.parametrize("state", ["done", "due", "waiting", "not-needed", "overdue", "cannot"])
@pytest.mark.parametrize("objects", [(), ("one",), ("one", "two", "three", "four", "five")])
def test_every_depth_in_every_state_has_its_sentence(
    depth: str, state: str, objects: tuple[str, ...]
) -> None:
    """Each of the four depths says something in each of its six states."""
    now = datetime(2024, 10, 1, tzinfo=UTC)
    facts = {
        "depth": depth, "state": state, "at": now, "due": now, "objects": objects, "records": 1,
        "exact": True,
    }  # fmt: skip
    row = read(DepthRow, facts)
    assert words.depth_sentence(row, now).endswith(".")
    assert words.state_words(row)


@pytest.mark.parametrize("code", [*words.REASONS, "a-reason-to-come"])
def test_a_refused_standing_never_says_yes(code: str) -> None:
    """Whatever the reason, a use that is not allowed is said to be not used."""
    use = "train.safety/content.posts/platform"
    standing = Standing(use=use, allowed=False, because=code)
    assert "not use" in words.standing_sentence(standing)


def test_an_approximate_trainer_gets_no_exact_words() -> None:
    """M19: what an approximate trainer did is said to be reduced, not erased, in any state."""
    row = DepthRow(depth="unlearned", state="done", exact=False)
    told = words.depth_sentence(row, datetime(2024, 10, 1, tzinfo=UTC))
    assert told.startswith("Reduced, not erased.")
    assert "byte for byte" not in told


def test_distances_in_days() -> None:
    """M7: a date is told as days from now, in both directions."""
    now = datetime(2024, 10, 1, 23, tzinfo=UTC)
    days = [words.relative(datetime(2024, 10, d, tzinfo=UTC), now) for d in (1, 2, 14)]
    assert days == ["today", "in 1 day", "in 13 days"]
    assert words.relative(datetime(2024, 9, 30, tzinfo=UTC), now) == "1 day ago"


def test_a_term_of_their_own_is_told_by_ours_above_it() -> None:
    """A term of the operator's own file is told by the next one above that has words, else by name."""
    told = words.scope_words("train.safety/content.posts/provider.acme.eu")
    assert told == words.scope_words("train.safety/content.posts/provider")
    assert told.endswith("by a company working for this service.")
    for scope in ("train.safety/content.posts/acme", "nothing.here/messages/platform"):
        assert words.scope_words(scope) == scope
