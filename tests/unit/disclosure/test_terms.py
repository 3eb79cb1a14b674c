"""Terms of a package, and the counts of what was allowed in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.canonical import encode
from byleave.disclosure.package import by_party_rule, summarise
from byleave.disclosure.terms import Terms
from byleave.errors import InputError
from byleave.ids import LedgerIndex
from byleave.policy.scope import Scope

USE = Scope(
    purpose="train.generative.replies", category="messages.inmail", recipient="provider.cloud"
)


def terms(**changes: object) -> Terms:
    fields: dict = {
        "disclosure": "package-1",
        "recipient": "provider.cloud",
        "snapshot": LedgerIndex(39),
        "use": USE,
        "may_train": True,
        "may_pass_on": False,
        "recall_days": 10,
        "expires": datetime(2025, 8, 20, tzinfo=UTC),
    }
    return Terms(**(fields | changes))


@given(
    st.integers(0, 365),
    st.booleans(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_terms_round_trip(days: int, onward: bool, expires: datetime | None, name: str) -> None:
    """Decoding what was encoded gives the same terms, and encoding those the same bytes."""
    made = terms(recall_days=days, may_pass_on=onward, expires=expires, disclosure=name)
    assert Terms.decode(made.encode()) == made
    assert Terms.decode(made.encode()).encode() == made.encode()


def changed(**changes: str | bool | int) -> bytes:
    return encode({**json.loads(terms().encode()), **changes})


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", "disclosure.terms"),
        (b"[]", "disclosure.terms"),
        (b"{ }", "canonical.not-canonical"),
        (b"terms", "input.malformed"),
        (changed(format="byleave-terms/v2"), "disclosure.terms"),
        (changed(price=1), "input.unknown-field"),
        (changed(may_train="yes"), "disclosure.terms"),
        (changed(may_train=1), "disclosure.terms"),
        (changed(snapshot=True), "disclosure.terms"),
        (changed(recall_days=366), "disclosure.terms"),
        (changed(recall_days=-1), "disclosure.terms"),
        (changed(recipient="provider.other"), "disclosure.terms"),
        (changed(may_train=False), "disclosure.terms"),
        (changed(use="train.generative.replies"), "use.malformed"),
        (changed(expires="2025-08-20"), "canonical.not-canonical"),
        (changed(expires="soon"), "input.instant"),
    ],
)
def test_other_documents_are_refused(data: bytes, code: str) -> None:
    """Terms in another form, with an unknown field, or that contradict themselves are refused."""
    with pytest.raises(InputError) as refused:
        Terms.decode(data)
    assert refused.value.code == code


def test_every_field_changes_the_digest() -> None:
    """No two terms that differ in one field share a digest."""
    others = [
        terms(disclosure="package-2"),
        terms(snapshot=LedgerIndex(40)),
        terms(may_pass_on=True),
        terms(recall_days=11),
        terms(expires=None),
        terms(expires=datetime(2025, 8, 20, tzinfo=UTC) + timedelta(microseconds=1)),
    ]
    assert len({t.digest for t in (terms(), *others)}) == len(others) + 1


def test_counts_sum_to_the_records() -> None:
    """Allowed records and refusals by reason sum to the records asked about."""
    reasons = pa.array(["no-grant", None, "no-grant", "refused", None])
    grounds = pa.array([None, "consent", None, None, "consent-of-another-party"])
    found = summarise(reasons, grounds)
    assert found.to_dict() == {
        "records": 5,
        "allowed": 2,
        "refused": 3,
        "by_ground": {"consent": 1, "consent-of-another-party": 1},
        "by_reason": {"no-grant": 2, "refused": 1},
    }
    assert sum(found.by_reason.values()) == found.refused


@pytest.mark.parametrize(
    ("reasons", "grounds"),
    [(["no-grant"], ["consent"]), ([None], [None]), ([None], ["consent", "consent"])],
)
def test_decisions_that_do_not_add_up_are_refused(reasons: list, grounds: list) -> None:
    """A record with a reason and a ground, or with neither, is not counted."""
    with pytest.raises(InputError):
        summarise(pa.array(reasons, pa.string()), pa.array(grounds, pa.string()))


def test_party_rules_stand_side_by_side() -> None:
    """Each party rule gets its own counts, over the same records."""
    decided = {
        "author": pa.array([None, None, "no-grant"]),
        "any": pa.chunked_array([[None], [None, None]], pa.string()),
        "all": pa.array(["party-vetoed", None, "no-grant"]),
    }
    found = by_party_rule(decided)
    assert {rule: f.allowed for rule, f in found.items()} == {"author": 2, "any": 3, "all": 1}
    with pytest.raises(InputError):
        by_party_rule({"any": pa.array([None]), "all": pa.array([], pa.string())})
