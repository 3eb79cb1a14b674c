"""A generated world for the engines: a plan file, and Parquet files of two-party messages.

Nobody's choices are in it. Of the members 30 % said yes to all of their data and 3 % each refused,
withdrew and objected; the others are silent, and nobody's region is known, so that the strictest
rules hold. Rows draw author and recipient at random; `agreeing` draws them from those who said yes
with that probability, and from everybody otherwise. Ids are whole numbers from 0 on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.consent.event import NoticeCoverage
from byleave.consent.state import EventColumns, build
from byleave.engines.plan_files import write_plan
from byleave.gate.contract import parse_contract
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, MemberFacts, compile_plan, uses_of
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.ruleset import default_rules
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

START = datetime(2025, 1, 1, tzinfo=UTC)
AT = START + timedelta(days=400)
SCOPE = "train.generative.replies/messages.inmail/platform"
CONTRACT = """\
contract: v1
parties: {author: author, recipients: recipient}
category_constant: messages.inmail
"""
WIDE = CONTRACT + "collected_at: sent_at\ndraft: is_draft\n"
GROUP_ROWS = 1 << 20
YES, REFUSED, WITHDRAWN, OBJECTED = 1, 2, 3, 4


def choices(members: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return who spoke, in the order of the ledger, and what they said."""
    draw = np.random.default_rng(1)
    share = draw.random(members, dtype=np.float32)
    kind = np.select([share < 0.30, share < 0.33, share < 0.36, share < 0.39], [1, 2, 3, 4], 0)
    spoke = np.flatnonzero(kind)
    return spoke, kind[spoke].astype(np.uint8)


def make_plan(members: int, *, contract: str = CONTRACT) -> GatePlan:
    who, kind = choices(members)
    scope = Scope.parse(SCOPE)
    taxonomy = default_taxonomy()
    (use,) = uses_of(scope, taxonomy)
    count = len(who)
    columns = EventColumns(
        ordinal=who,
        index=np.arange(count, dtype=np.int64),
        kind=kind,
        effective_us=to_us(START) + np.arange(count, dtype=np.int64),
        expires_us=np.full(count, FAR_FUTURE_US, np.int64),
        includes_past=np.ones(count, np.bool_),
        grade=np.full(count, 2, np.uint8),
        scope_id=np.zeros(count, np.int32),
        notice_id=np.zeros(count, np.int32),
        scopes=(scope,),
        notices=("ask",),
    )
    notices = {"ask": NoticeCoverage(uses=frozenset([use]), shown=frozenset([use]))}
    return compile_plan(
        scope,
        at=AT,
        contract=parse_contract(contract, name="generated"),
        taxonomy=taxonomy,
        rules=default_rules(),
        states=[build(columns, use, at=AT, members=members, notices=notices)],
        members=MemberIndex.counting(members),
        facts=MemberFacts.unknown(members),
        ledger=count - 1,
    )


def save_plan(path: Path, members: int) -> GatePlan:
    plan = make_plan(members)
    write_plan(plan, path)
    return plan


def write_messages(
    path: Path,
    rows: int,
    members: int,
    *,
    text: int = 0,
    agreeing: float = 0.0,
    wide: bool = False,
    codec: str = "snappy",
) -> None:
    """Write messages: `author`, `recipient`, and where asked for `sent_at`, `is_draft`, `text`."""
    draw = np.random.default_rng(2)
    who, kind = choices(members) if agreeing else (np.zeros(0, np.int64), np.zeros(0))
    willing = who[kind == YES]
    fields = [("author", pa.int64()), ("recipient", pa.int64())]
    if wide:
        fields += [("sent_at", pa.timestamp("us", "UTC")), ("is_draft", pa.bool_())]
    if text:
        fields.append(("text", pa.string()))
    schema = pa.schema(fields)
    pool = draw.integers(97, 123, 1 << 22, dtype=np.uint8)
    with pq.ParquetWriter(path, schema, compression=codec, use_dictionary=False) as writer:
        for start in range(0, rows, GROUP_ROWS):
            count = min(GROUP_ROWS, rows - start)
            arrays = []
            for _ in range(2):
                ids = draw.integers(0, members, count)
                if agreeing:
                    yes = draw.random(count) < agreeing
                    ids[yes] = willing[draw.integers(0, len(willing), int(yes.sum()))]
                arrays.append(pa.array(ids))
            if wide:
                sent = to_us(START) + draw.integers(0, 10**13, count)
                arrays += [
                    pa.array(sent).cast(pa.timestamp("us", "UTC")),
                    pa.array(draw.random(count) < 0.01),
                ]
            if text:
                arrays.append(_texts(draw, pool, count, text))
            writer.write_table(pa.table(arrays, schema=schema))


def _texts(
    draw: np.random.Generator, pool: npt.NDArray[np.uint8], count: int, length: int
) -> pa.Array:
    """Texts of `length` bytes on average, cut from a pool: they compress about as prose does."""
    sizes = draw.integers(length // 2, length + length // 2, count)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    data = np.resize(np.repeat(pool, 2), int(offsets[-1]))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def agreeing_for(kept: float) -> float:
    """Return the probability that keeps a share of two-party rows under the rule `all`."""
    return max(0.0, (kept**0.5 - 0.30) / 0.70)
