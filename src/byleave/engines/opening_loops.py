"""From openings to entries, in loops compiled by numba when first called; for `map_steps` alone."""

# numba types these functions by what they are called with; mypy has nothing to hold on to.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
from __future__ import annotations

import numpy as np

from byleave.engines.raw_bytes import (
    ROWS,
    ask,
    byte,
    hashed,
    inline,
    jit,
    move16,
    move32,
    parents,
    plain,
    prepared,
    put_byte,
    put_plain,
    put_word,
    word,
)

__all__ = [
    "distinct",
    "entries_by_part",
    "folded",
    "leaves_at",
    "member_entries",
    "opening_keys",
    "openings_by_part",
    "openings_in_order",
    "ordered_leaves",
    "record_leaves",
    "segments",
]

_PLACE_BITS = 40
_AHEAD = 16
"""Openings between asking for one and reading it."""
_FEW = 16
"""Leaves of a member put in order by insertion; more are merged."""


@jit
def openings_by_part(
    count,
    row,
    ordinal,
    index,
    role,
    ground,
    salt,
    ground_salt,
    digest,
    span,
    ends,
    out,
):
    """Put openings side by side as items of 90 bytes, by part; False: an ordinal is out of range.

    `ends`, zeros, int64 a part, becomes where each part ends, in bytes.
    """
    parts = np.empty(count, np.int32)
    for i in range(count):
        part = np.uint64(plain(ordinal + 8 * i)) // np.uint64(span)
        if part >= np.uint64(len(ends)):
            return False
        parts[i] = part
        ends[part] += 90
    at = np.int64(0)
    for part in range(len(ends)):
        size = ends[part]
        ends[part] = at
        at += size
    for i in range(count):
        place = out + ends[parts[i]]
        ends[parts[i]] += 90
        put_plain(place, plain(row + 8 * i))
        put_plain(place + 8, plain(ordinal + 8 * i))
        put_plain(place + 16, plain(index + 8 * i))
        put_byte(place + 24, byte(role + i))
        put_byte(place + 25, byte(ground + i))
        move16(place + 26, salt + 16 * i)
        move16(place + 42, ground_salt + 16 * i)
        move32(place + 58, digest + 32 * i)
    return True


@jit
def opening_keys(data, first, keys):
    """Give each opening put aside a number that is in order of its member, then of its place."""
    for i in range(len(keys)):
        keys[i] = ((plain(data + 90 * i + 8) - first) << _PLACE_BITS) | i


@jit
def openings_in_order(
    data,
    keys,
    row,
    ordinal,
    index,
    role,
    ground,
    salt,
    ground_salt,
    digest,
    bits,
    places,
):
    """Take openings in the order of sorted keys, column by column.

    `places` takes each ground index and, in `bits` below it, the opening's place: those of all
    openings are in order once they are sorted. Return the bits that are set in any index: where
    they leave no room for a place, what `places` has is of no use.
    """
    mask = (np.int64(1) << _PLACE_BITS) - 1
    last = len(keys) - 1
    seen = np.int64(0)
    for i in range(len(keys)):
        ahead = data + 90 * (keys[min(i + _AHEAD, last)] & mask)
        ask(ahead)
        ask(ahead + 64)
        place = data + 90 * (keys[i] & mask)
        number = plain(place + 16)
        put_plain(row + 8 * i, plain(place))
        put_plain(ordinal + 8 * i, plain(place + 8))
        put_plain(index + 8 * i, number)
        put_byte(role + i, byte(place + 24))
        put_byte(ground + i, byte(place + 25))
        move16(salt + 16 * i, place + 26)
        move16(ground_salt + 16 * i, place + 42)
        move32(digest + 32 * i, place + 58)
        seen |= number
        places[i] = (number << bits) | i
    return seen


@jit
def distinct(keys, bits, unique, inverse):
    """Return how many numbers occur in sorted keys (a number, and in `bits` below it its place).

    `unique` takes the numbers, ascending; `inverse` the place of each among them.
    """
    mask = (np.int64(1) << bits) - 1
    found = -1
    last = np.int64(-1)
    for i in range(len(keys)):
        number = keys[i] >> bits
        if number != last:
            found += 1
            unique[found] = number
            last = number
        inverse[keys[i] & mask] = found
    return found + 1


@jit
def leaves_at(leaves, inverse, out):
    """Copy the leaf of each place."""
    last = len(inverse) - 1
    for i in range(len(inverse)):
        ask(leaves + 32 * inverse[min(i + _AHEAD, last)])
        move32(out + 32 * i, leaves + 32 * inverse[i])


@jit
def segments(ordinal, count, first, starts, which):
    """Return how many members occur in openings by ordinal, and where each one's begin."""
    members = 0
    last = np.int64(-1)
    for i in range(count):
        number = plain(ordinal + 8 * i) - first
        if number != last:
            starts[members], which[members] = i, number
            members += 1
            last = number
    starts[members] = count
    return members


@jit
def record_leaves(
    lanes,
    room,
    count,
    index,
    role,
    ground,
    salt,
    ground_salt,
    ground_leaf,
    digest,
    out,
):
    """Hash the ground commitment and the record leaf of each opening."""
    one, two, commitments = room, room + ROWS * 128, room + ROWS * 256
    leaves = commitments + ROWS * 32
    prepared(one, ROWS, 57, 0x23)
    prepared(two, ROWS, 83, 0x00)
    for start in range(0, count, ROWS):
        rows = min(ROWS, count - start)
        for i in range(rows):
            at, from_ = one + 128 * i, start + i
            move16(at + 1, ground_salt + 16 * from_)
            put_word(at + 17, plain(index + 8 * from_))
            move32(at + 25, ground_leaf + 32 * from_)
        hashed(lanes, one, commitments, rows, 128)
        for i in range(rows):
            at, from_ = two + 128 * i, start + i
            move16(at + 1, salt + 16 * from_)
            move32(at + 17, digest + 32 * from_)
            put_byte(at + 49, byte(role + from_))
            put_byte(at + 50, byte(ground + from_))
            move32(at + 51, commitments + 32 * i)
        hashed(lanes, two, leaves, rows, 128)
        for i in range(rows):
            move32(out + 32 * (start + i), leaves + 32 * i)


@inline
def _less(leaves, one, two):
    """Compare two leaves of one head by what follows it."""
    for at in range(8, 32, 8):
        x, y = word(leaves + 32 * one + at), word(leaves + 32 * two + at)
        if x != y:
            return x < y
    return False


@jit
def _merged(leaves, heads, order, count):
    """Order leaves, whose heads and places stand side by side, in runs that are merged."""
    others, spare = np.empty(count, np.uint64), np.empty(count, np.int64)
    size = 1
    while size < count:
        for start in range(0, count, 2 * size):
            i, middle = start, min(start + size, count)
            j, end = middle, min(start + 2 * size, count)
            for at in range(start, end):
                second = i == middle
                if i < middle and j < end:
                    second = heads[j] < heads[i] or (
                        heads[j] == heads[i] and _less(leaves, order[j], order[i])
                    )
                chosen = j if second else i
                others[at], spare[at] = heads[chosen], order[chosen]
                if second:
                    j += 1
                else:
                    i += 1
        for i in range(count):
            heads[i], order[i] = others[i], spare[i]
        size *= 2


@jit
def ordered_leaves(leaves, starts, out):
    """Put each member's leaves in ascending order.

    `starts` tells where each member's begin, and where the last one's end.
    """
    most = np.int64(0)
    for member in range(len(starts) - 1):
        most = max(most, starts[member + 1] - starts[member])
    heads, order = np.empty(most, np.uint64), np.empty(most, np.int64)
    for member in range(len(starts) - 1):
        start = starts[member]
        count = starts[member + 1] - start
        if count > _FEW:
            for i in range(count):
                heads[i], order[i] = word(leaves + 32 * (start + i)), start + i
            _merged(leaves, heads, order, count)
        else:
            for i in range(count):
                head, place, j = word(leaves + 32 * (start + i)), start + i, i
                while j > 0 and (
                    head < heads[j - 1]
                    or (head == heads[j - 1] and _less(leaves, place, order[j - 1]))
                ):
                    heads[j], order[j] = heads[j - 1], order[j - 1]
                    j -= 1
                heads[j], order[j] = head, place
        for i in range(count):
            move32(out + 32 * (start + i), leaves + 32 * order[i])


@jit
def folded(lanes, room, leaves, starts):
    """Fold each member's leaves to their RFC 6962 root, which comes to stand where they began.

    All trees grow level by level together, in place: a parent stands below the pairs to come.
    """
    digests = room + ROWS * 128
    prepared(room, ROWS, 65, 0x01)
    sources, targets = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    begins, counts = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    trees = 0
    for member in range(len(starts) - 1):
        if starts[member + 1] - starts[member] > 1:
            begins[trees] = leaves + 32 * starts[member]
            counts[trees] = starts[member + 1] - starts[member]
            trees += 1
    while trees:
        rows = 0
        for tree in range(trees):
            for pair in range(counts[tree] >> 1):
                sources[rows] = begins[tree] + 64 * pair
                targets[rows] = begins[tree] + 32 * pair
                rows += 1
                if rows == ROWS:
                    parents(lanes, room, digests, sources, targets, rows)
                    rows = 0
        parents(lanes, room, digests, sources, targets, rows)
        left = 0
        for tree in range(trees):
            count = counts[tree]
            if count & 1:  # a node without a partner goes up as it is
                move32(begins[tree] + 32 * (count >> 1), begins[tree] + 32 * (count - 1))
            if count > 2:
                begins[left], counts[left] = begins[tree], (count + 1) >> 1
                left += 1
        trees = left


@jit
def member_entries(
    lanes,
    room,
    which,
    starts,
    secrets,
    epoch,
    indexes,
    enrolled,
    roots,
    out,
):
    """Hash each member's label and commitment to an entry of 48 bytes; roots as `folded` left them."""
    one, two, digests = room, room + ROWS * 128, room + ROWS * 256
    narrow = prepared(one, ROWS, 49, 0x10)
    prepared(two, ROWS, 93, 0x13)
    for i in range(ROWS):
        move16(one + narrow * i + 33, epoch)
    for start in range(0, len(which), ROWS):
        rows = min(ROWS, len(which) - start)
        for i in range(rows):
            move32(one + narrow * i + 1, secrets + 32 * which[start + i])
        hashed(lanes, one, digests, rows, narrow)
        for i in range(rows):
            member, at = start + i, two + 128 * i
            move16(out + 48 * member, digests + 32 * i)
            put_word(at + 13, starts[member + 1] - starts[member])  # its upper half is
            move16(at + 1, digests + 32 * i + 16)  # overwritten: the count has four bytes
            put_word(at + 21, plain(indexes + 8 * which[member]))
            move32(at + 29, enrolled + 32 * which[member])
            move32(at + 61, roots + 32 * starts[member])
        hashed(lanes, two, digests, rows, 128)
        for i in range(rows):
            move32(out + 48 * (start + i) + 16, digests + 32 * i)


@jit
def entries_by_part(found, count, bits, ends, out):
    """Put entries side by side by the first bits of their labels; `ends` as `openings_by_part`."""
    shift = np.uint64(64 - bits)
    for i in range(count):
        ends[word(found + 48 * i) >> shift if bits else np.uint64(0)] += 48
    at = np.int64(0)
    for part in range(len(ends)):
        size = ends[part]
        ends[part] = at
        at += size
    for i in range(count):
        part = np.int64(word(found + 48 * i) >> shift if bits else np.uint64(0))
        place = out + ends[part]
        ends[part] += 48
        move16(place, found + 48 * i)
        move32(place + 16, found + 48 * i + 16)
