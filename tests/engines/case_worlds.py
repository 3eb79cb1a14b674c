"""Generated pasts, and fixtures on both sides of every condition, for engines that answer cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from byleave.exposure.cohort import EVERYONE, Cohort, alleged_class
from byleave.exposure.pack import US_PRIVATE_MESSAGES
from byleave.exposure.practice import Honoured, Interval, Practice, Setting, SettingPeriod
from byleave.exposure.question import CaseQuestion
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    MESSAGES,
    OPT_OUTS,
    REGIONS,
    SETTING,
    SUBSCRIPTIONS,
    US,
    USED,
    choices,
    delivery,
    message,
    practice,
    rows,
)

DAY = timedelta(days=1)
AS_OF = datetime(2025, 1, 21, tzinfo=UTC)
MEMBERS = ("ann", "bob", "cat", "dan", "eve")
OFF = Setting("train", (SettingPeriod(Interval(AUGUST, None), default_on=False),))
KEPT = pa.schema([("record", pa.string()), ("delivery", pa.string())])


@dataclass(frozen=True)
class World:
    """A question with its tables."""

    question: CaseQuestion
    choices: pa.Table | None
    kept: pa.Table | None


def world(
    past: Practice,
    *cohorts: Cohort,
    chosen: pa.Table | None = None,
    kept: pa.Table | None = None,
    **changes: Any,
) -> World:
    fields: dict[str, Any] = {"pack": US_PRIVATE_MESSAGES, "as_of": AS_OF, "with_damage": 2}
    question = CaseQuestion(practice=past, cohorts=cohorts or (EVERYONE,), **(fields | changes))
    return World(question, chosen, kept)


def one_recipient(past: Practice) -> Practice:
    """The same past with the first recipient of each message alone, as a plain column."""
    table = past.messages
    first = [r[0] if r else None for r in table["recipients"].to_pylist()]
    place = table.column_names.index("recipients")
    plain = table.set_column(place, "recipients", pa.array(first, pa.string()))
    fields = {name: getattr(past, name) for name in Practice.__dataclass_fields__}
    return Practice(**(fields | {"messages": plain}))


def in_numbers(found: World, far: int = 3) -> World:
    """The same world with whole numbers for members' ids, `far` apart, some below 0."""
    past, names = found.question.practice, ("author", "recipients", "member")
    tables = [past.messages, past.opt_outs, past.subscriptions, past.regions, found.choices]
    ids: dict[str, int] = {}

    def renamed(table: pa.Table | None) -> pa.Table | None:
        for name in names if table is not None else ():
            if table is not None and name in table.column_names:
                for member in table[name].to_pylist():
                    if member is not None:
                        ids.setdefault(member, far * len(ids) - 4)
                column = pa.array([ids.get(m) for m in table[name].to_pylist()], pa.int64())
                table = table.set_column(table.column_names.index(name), name, column)
        return table

    new = [renamed(table) for table in tables]
    fields = {name: getattr(past, name) for name in Practice.__dataclass_fields__}
    fields |= dict(zip(("messages", "opt_outs", "subscriptions", "regions"), new[:4], strict=True))
    question = {n: getattr(found.question, n) for n in CaseQuestion.__dataclass_fields__}
    asked = CaseQuestion(**(question | {"practice": Practice(**fields)}))
    return World(asked, new[4], found.kept)


def boundary_worlds() -> Iterator[tuple[str, World]]:
    """Each condition just before, at and just after its instant; both shapes of messages."""
    for name, found in _boundaries():
        yield f"{name}, lists", found
        question = found.question
        fields = {n: getattr(question, n) for n in CaseQuestion.__dataclass_fields__}
        plain = CaseQuestion(**(fields | {"practice": one_recipient(question.practice)}))
        yield f"{name}, one recipient", World(plain, found.choices, found.kept)


def _boundaries() -> Iterator[tuple[str, World]]:
    premium = rows(SUBSCRIPTIONS, ("bob", AUGUST, CUT, 3999, "USD"))
    klass = alleged_class(CUT)
    for side in (-US, timedelta(), US):
        at = f"{side / US:+.0f} µs"
        yield f"sent at the delivery {at}", world(practice(message(sent=USED + side)))
        switched = rows(OPT_OUTS, ("ann", USED + side))
        for honoured in Honoured:
            past = practice(opt_outs=switched, deliveries=(delivery(honoured=honoured),))
            yield f"switch off, {honoured}, {at}", world(past)
            past = practice(
                opt_outs=rows(OPT_OUTS, ("ann", USED + side, True)),
                deliveries=(delivery(honoured=honoured),),
                setting=OFF,
            )
            yield f"switch on where off by default, {honoured}, {at}", world(past)
        granted = choices(("bob", USED + side, "grant", None, True))
        yield f"granted at the use {at}", world(practice(), chosen=granted)
        lapsing = choices(("bob", AUGUST, "grant", USED + side, True))
        yield f"expires at the use {at}", world(practice(), chosen=lapsing)
        forward = choices(("bob", AUGUST, "grant", None, False))
        past = practice(message(sent=AUGUST + side))
        yield f"collected at the grant {at}", world(past, chosen=forward)
        twice = choices(("bob", AUGUST, "grant", None, True), ("bob", AUGUST + side, "withdrawal"))
        yield f"two choices {at}", world(practice(), chosen=twice)
        for party in ("ann", "bob", "cat"):
            said = (party, AUGUST, "grant", USED + side, True), (party, CUT, "grant", None, False)
            twice_given = practice(
                message("1", recipients=("bob", "cat")),
                message("2", author="cat", recipients=("ann",), sent=None),
                message("3", recipients=("dan",), sent=CUT + side),
                deliveries=(
                    delivery("in", USED - DAY, recipient="platform"),
                    delivery(discoverable_since=datetime(2023, 1, 21, tzinfo=UTC)),
                    delivery("d2", CUT + DAY, discoverable_since=CUT),
                ),
            )
            yield (
                f"of several, {party} agreed until {at}",
                world(twice_given, chosen=choices(*said)),
            )
        held = rows(SUBSCRIPTIONS, ("bob", AUGUST, None, 3999, "USD"))
        agreed = choices(("ann", USED + side, "grant", None, True))
        yield (
            f"who has no subscription agreed at {at}",
            world(practice(subscriptions=held), klass, chosen=agreed),
        )
        both = practice(
            opt_outs=rows(OPT_OUTS, ("bob", AUGUST)), deliveries=(delivery(honoured=Honoured.NONE),)
        )
        said = choices(("bob", AUGUST + side, "grant", None, True))
        yield f"choice and switch {at}", world(both, chosen=said)
        declared = practice(deliveries=(delivery(at=CUT + side),))
        yield (
            f"policy and the class's cut-off {at}",
            world(practice(subscriptions=premium, deliveries=(delivery(at=CUT + side),)), klass),
        )
        yield f"policy {at}", world(declared)
        for start, stop in ((USED + side, None), (AUGUST, USED + side)):
            table = rows(SUBSCRIPTIONS, ("bob", start, stop, 3999, "USD"))
            for when in ("at-use", "ever-before"):
                yield (
                    f"subscribed {start} {stop} {when}",
                    world(
                        practice(subscriptions=table), alleged_class(CUT, subscribed=when), EVERYONE
                    ),
                )
            lived = rows(REGIONS, ("bob", "us-ca", start, stop), ("ann", "us", AUGUST, None))
            yield (
                f"region {start} {stop}",
                world(
                    practice(regions=lived),
                    Cohort(name="ca", regions=frozenset({"us-ca"})),
                    EVERYONE,
                ),
            )
        late = rows(SUBSCRIPTIONS, ("bob", CUT + side, None, 3999, "EUR"))
        yield (
            f"customer from the cut-off {at}",
            world(practice(subscriptions=late), alleged_class(CUT, subscribed="ever-before")),
        )
        for edge in (Interval(USED + side, None), Interval(None, USED + side)):
            yield f"used {edge}", world(practice(), Cohort(name="u", used=edge))
            past = practice(message(sent=AUGUST), message("2", sent=None), message("3", sent=USED))
            sent = Interval(
                None if edge.start is None else AUGUST + side,
                None if edge.end is None else AUGUST + side,
            )
            yield f"sent {sent}", world(past, Cohort(name="s", sent=sent))
        since = delivery(discoverable_since=datetime(2023, 1, 21, tzinfo=UTC))
        day = datetime(2025, 1, 22, tzinfo=UTC) + side
        yield f"too late {at}", world(practice(deliveries=(since,)), as_of=day)
        fee = rows(
            SUBSCRIPTIONS, ("bob", AUGUST, CUT, 3999, "USD"), ("ann", None, None, 100, "USD")
        )
        yield (
            f"fees {at}",
            world(
                practice(subscriptions=fee), klass, EVERYONE, window=Interval(AUGUST + side, USED)
            ),
        )


instants = st.integers(0, 8).map(lambda n: AUGUST + n * 10 * DAY)
some_message = st.tuples(
    st.sampled_from((*MEMBERS, None)),
    st.lists(st.sampled_from((*MEMBERS, None)), max_size=3),
    st.none() | instants,
    st.sampled_from(("inmail", "direct", "draft", None)),
)
some_choice = st.tuples(
    st.sampled_from(MEMBERS),
    instants,
    st.sampled_from(("grant", "grant", "refusal", "objection")),
    st.none() | st.just(datetime(2024, 9, 10, tzinfo=UTC)),
    st.booleans(),
    st.sampled_from(
        (None, "train/messages/*", "train/messages.inmail/third-party", "*/*/platform")
    ),
)
some_interval: st.SearchStrategy[tuple[datetime | None, datetime | None]] = st.one_of(
    st.tuples(st.none(), st.none() | instants),
    st.tuples(st.integers(0, 8), st.integers(1, 8)).map(
        lambda n: (AUGUST + n[0] * 10 * DAY, AUGUST + (n[0] + n[1]) * 10 * DAY)
    ),
)
some_delivery = st.tuples(
    instants,
    st.sampled_from(("platform", "third-party.provider")),
    st.sampled_from(Honoured),
    st.sampled_from((None, frozenset({"inmail"}), frozenset({"direct", "draft"}))),
    st.none() | st.lists(st.integers(0, 11).map(str), max_size=6, unique=True),
    st.sampled_from((None, datetime(2023, 1, 1, tzinfo=UTC), CUT)),
)
some_cohort = st.builds(
    Cohort,
    name=st.sampled_from(("a", "b", "c")),
    kinds=st.sampled_from((frozenset(), frozenset({"inmail"}), frozenset({"draft", "direct"}))),
    roles=st.sampled_from((frozenset(), frozenset({"author"}), frozenset({"recipient"}))),
    recipients=st.sampled_from(((), ("third-party",), ("platform",))),
    used=st.sampled_from((Interval(), Interval(None, CUT), Interval(USED, None))),
    sent=st.sampled_from((Interval(), Interval(AUGUST + 10 * DAY, CUT), Interval(None, USED))),
    subscribed=st.sampled_from((None, "at-use", "ever-before")),
    regions=st.sampled_from((frozenset(), frozenset({"us-ca"}), frozenset({"de", "us"}))),
)


@st.composite
def worlds(draw: st.DrawFn, *, lists: bool) -> World:
    """A past of a few members, every table of it, and up to three cohorts."""
    said = [c for c in draw(st.lists(some_choice, max_size=8)) if c[3] is None or c[1] < c[3]]
    switches = draw(
        st.lists(st.tuples(st.sampled_from(MEMBERS), instants, st.booleans()), max_size=5)
    )
    fees = st.tuples(st.sampled_from(MEMBERS), some_interval, st.integers(0, 5000),
                     st.sampled_from(("USD", "EUR", None)))  # fmt: skip
    lived = st.tuples(
        st.sampled_from(MEMBERS), st.sampled_from(("us-ca", "us", "de", None)), some_interval
    )
    messages = draw(st.lists(some_message, max_size=12))
    done = draw(st.lists(some_delivery, min_size=1, max_size=4))
    past = practice(
        setting=draw(st.sampled_from((SETTING, OFF, None))),
        messages=rows(MESSAGES, *((str(n), *m) for n, m in enumerate(messages))),
        opt_outs=rows(OPT_OUTS, *switches),
        subscriptions=rows(
            SUBSCRIPTIONS, *((m, *i, c, u) for m, i, c, u in draw(st.lists(fees, max_size=5)))
        ),
        regions=rows(REGIONS, *((m, r, *i) for m, r, i in draw(st.lists(lived, max_size=5)))),
        deliveries=tuple(
            delivery(
                f"d{n}", at, recipient=to, honoured=honoured, kinds=kinds,
                records=None if listed is None else pa.array(listed, pa.string()),
                discoverable_since=since,
            )
            for n, (at, to, honoured, kinds, listed, since) in enumerate(done)
        ),
    )  # fmt: skip
    kept = draw(
        st.none()
        | st.lists(
            st.tuples(st.integers(0, 11).map(str), st.sampled_from(("d0", "d1", "d9"))), max_size=6
        )
    )
    return world(
        past if lists else one_recipient(past),
        *draw(st.lists(some_cohort, min_size=1, max_size=3)),
        chosen=choices(*said),
        kept=None if kept is None else rows(KEPT, *kept),
    )
