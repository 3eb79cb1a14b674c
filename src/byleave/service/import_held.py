"""What a ledger holds of an import's rows: those it has already, those a later no has overtaken.

A row that the ledger has, or the file earlier, is not recorded again. A yes that was said before a
no of the ledger, or that does not say when it was, is not recorded either: it would come into
effect now, over the no. Columnar; there is no step in Python for each row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from byleave.consent.batch import EventBatch
from byleave.consent.event import EventKind
from byleave.consent.import_table import ImportRows
from byleave.ids import FAR_FUTURE_US
from byleave.policy.scope import Scope

__all__ = ["held_already", "of_imports", "overtaken"]

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]


def held_already(
    batch: EventBatch,
    rows: ImportRows,
    which: Longs,
    ordinal: Longs,
    *,
    before: Sequence[str] = (),
) -> Bools:
    """Say of rows whether the batch has them, or one of `which` before them is the same.

    Of a no, whichever text was shown; a row that does not say when is the same as one that an
    earlier import of the same file recorded, and as no other.

    Args:
        batch: Events of the ledger.
        rows: Rows of the file.
        which: Places of the rows asked about, in the order of import.
        ordinal: Whose each of those is; -1: a member that the ledger does not know.
        before: Earlier imports of the same file.
    """
    scope_code = _codes({str(s): i for i, s in enumerate(rows.scopes)}, batch.scopes)
    notice_code = _codes({n: i for i, n in enumerate(rows.notices)}, batch.notices)
    held = np.stack(
        [
            batch.ordinal,
            scope_code[batch.scope],
            batch.kind.astype(np.int64),
            np.where(of_imports(batch, before), batch.original_us, _said(batch)),
            batch.expires_us,
            batch.includes_past.astype(np.int64),
            np.where(_is_no(batch.kind), -1, np.append(notice_code, -1)[batch.notice]),
        ]
    )
    mine = np.stack(
        [
            np.where(ordinal >= 0, ordinal, -2 - rows.member[which]),
            rows.scope[which].astype(np.int64),
            rows.kind[which].astype(np.int64),
            rows.original_us[which],
            rows.expires_us[which],
            rows.includes_past[which].astype(np.int64),
            np.where(_is_no(rows.kind[which]), -1, rows.notice[which]).astype(np.int64),
        ]
    )
    return _seen_before(held, mine)


def overtaken(batch: EventBatch, rows: ImportRows, which: Longs, ordinal: Longs) -> Bools:
    """Say of rows whether they are a yes said before a no of the batch that meets their scope.

    Args:
        batch: Events of the ledger.
        rows: Rows of the file.
        which: Places of the rows asked about.
        ordinal: Whose each of those is; -1: a member that the ledger does not know.
    """
    found = np.zeros(len(which), np.bool_)
    is_no = _is_no(batch.kind)
    if not is_no.any():
        return found
    said = _said(batch)
    scopes = [Scope.parse(text) for text in batch.scopes]
    size = int(max(batch.ordinal.max(), ordinal.max(initial=-1))) + 1
    original = rows.original_us[which]
    told = np.where(original == FAR_FUTURE_US, -(2**62), original)
    for code, scope in enumerate(rows.scopes):
        mine = (rows.kind[which] == EventKind.GRANT) & (rows.scope[which] == code) & (ordinal >= 0)
        if not mine.any():
            continue
        meets = np.array([_meet(scope, s) for s in scopes], np.bool_)
        noes = is_no & meets[batch.scope]
        latest = np.full(size, -(2**63), np.int64)
        np.maximum.at(latest, batch.ordinal[noes], said[noes])
        found |= mine & (told < latest[np.maximum(ordinal, 0)])
    return found


def of_imports(batch: EventBatch, names: Sequence[str]) -> Bools:
    """Say of the batch's events whether an import of one of these names recorded them."""
    starts = tuple(f"import:{name}:" for name in names)
    wrote = np.array([f"{c}:".startswith(starts) for c in batch.channels] + [False], np.bool_)
    return wrote[batch.channel]


def _is_no(kind: npt.NDArray[np.uint8]) -> Bools:
    return np.isin(kind, [EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION])


def _said(batch: EventBatch) -> Longs:
    """Return when each event was said: as an import claims, else when it took effect; µs."""
    return np.where(batch.original_us == FAR_FUTURE_US, batch.effective_us, batch.original_us)


def _codes(known: dict[str, int], texts: Sequence[str]) -> Longs:
    """Return the code of each text; texts of the ledger that the file does not name get others."""
    return np.array([known.get(t, -2 - i) for i, t in enumerate(texts)], np.int64)


def _seen_before(held: Longs, mine: Longs) -> Bools:
    """Say for each column of `mine` whether an equal one stands in `held`, or before it.

    Columns are sorted by a hash and compared in full: exact, whatever the hash does.
    """
    both = np.concatenate([held, mine], axis=1)
    mixed = np.zeros(both.shape[1], np.uint64)
    for row in both:
        mixed = (mixed ^ row.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    ordered = both[:, order]
    same = np.zeros(len(order), np.bool_)
    same[1:] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    found = np.zeros(len(order), np.bool_)
    found[order] = same
    return found[held.shape[1] :]


def _meet(one: Scope, other: Scope) -> bool:
    """Say whether two scopes can cover one use."""
    return all(
        a in {"*", b} or b == "*" or a.startswith(b + ".") or b.startswith(a + ".")
        for a, b in (
            (one.purpose, other.purpose),
            (one.category, other.category),
            (one.recipient, other.recipient),
        )
    )
