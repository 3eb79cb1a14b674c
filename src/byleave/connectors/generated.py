"""Messages that nobody wrote, in the shape of the real set: for machines that have neither it
nor a network. Every draw is a function of the seed (SHAKE-256, not a library's generator).

The sentences are templates of this file. Members are numbered `generated_1`, `generated_2`, ...
What a model does on them says that the software runs, and nothing about quality.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa

__all__ = ["generate"]

_FIRST_DAY: Final = datetime(2018, 5, 27, tzinfo=UTC)
_DAYS: Final = 101
_UNDATED_THREADS: Final = 27
_REPEATERS_SHARE: Final = 5  # one in five members writes in several threads

_HELLO: Final = ("Hello!", "Hi", "Hi there!", "Hello", "Good morning.", "Hey, how are you?",
                 "Hi! How are you today?", "Hello, how are you doing?")  # fmt: skip
_HELLO_BACK: Final = ("Hi!", "Hello.", "I am good, how are you?", "I'm doing well. And you?",
                      "Fine, thanks.", "Hi, how are you?")  # fmt: skip
_ASK: Final = ("Have you heard of the food bank?", "Do you have a minute?",
               "Would you like to help on Saturday?", "Do you know our team?",
               "Have you ever volunteered?", "Could you donate {n} dollars?")  # fmt: skip
_ANSWER: Final = ("Yes, I have.", "No, I have not.", "Tell me more.", "I am not sure.",
                  "What do they do?", "Sure.", "Yes.", "No.", "Maybe later.")  # fmt: skip
_TELL: Final = ("We collect food and bring it to {n} families.", "It takes {n} hours a week.",
                "That is a great question.", "Every little bit helps.",
                "You can choose any amount you like.", "All of it goes to the families.")  # fmt: skip
_REACT: Final = ("That sounds great.", "I see.", "That's wonderful!", "Interesting.",
                 "How much do you need?", "I agree.", "Good to know.", "Wow!")  # fmt: skip
_CLOSE: Final = ("Thank you so much!", "Thanks for your time.", "Have a great day!",
                 "That is very kind of you.", "I will send you the address.")  # fmt: skip
_CLOSE_BACK: Final = ("You're welcome.", "You too!", "Thank you.", "No problem.", "Bye!",
                      "I will give {n} dollars.")  # fmt: skip
_TALES: Final = ("My {thing} and my {other} kept me busy, {n} hours this {when}.",
                 "I read about a {thing} with {n} friends in {place} {when} before last.",
                 "It reminds me of the {thing} that my {other} left in {place} that {when}.",
                 "The {thing} in {place} was closed this {when}, so I went to the {other}.",
                 "Last {when} a {thing} cost {n} dollars more than the {other} in {place}.")  # fmt: skip
_THINGS: Final = ("garden", "choir", "neighbour", "bicycle", "office", "kitchen", "school", "dog",
                  "market", "library", "boat", "tent", "piano", "cousin", "bakery", "train",
                  "museum", "harbour", "teacher", "lamp")  # fmt: skip
_PLACES: Final = ("the valley", "the old town", "the hills", "the next village", "the north",
                  "the city", "a far country", "the park", "the woods", "the suburbs")  # fmt: skip
_WHENS: Final = ("week", "morning", "month", "summer", "weekend", "year", "winter", "evening")
_STAGES: Final = ((_HELLO, _HELLO_BACK), (_ASK, _ANSWER), (_TELL, _REACT), (_CLOSE, _CLOSE_BACK))


class _Draws:
    """A stream of integers from a seed and a name."""

    def __init__(self, seed: int, name: str) -> None:
        self._key = f"byleave generated {seed} {name} ".encode()
        self._block = 0
        self._left: list[int] = []

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1 (bias below 2^-40 for the limits used here)."""
        if not self._left:
            raw = hashlib.shake_256(self._key + str(self._block).encode()).digest(4096)
            self._left = [int.from_bytes(raw[at : at + 8], "big") for at in range(0, 4096, 8)]
            self._block += 1
        return self._left.pop() % limit

    def early(self, choices: Sequence[str]) -> str:
        """Return one of the choices; the first ones more often."""
        return choices[min(self.below(len(choices)), self.below(len(choices)))]


def generate(seed: int, *, members: int, threads: int, messages: int) -> pa.Table:
    """Return a table of exactly these counts, the same for the same seed.

    Args:
        seed: Any integer.
        members: Distinct people; at most two for each thread.
        threads: Conversations of two.
        messages: Rows; every thread has messages // threads of them or one more.
    """
    parties = _parties(_Draws(seed, "parties"), members, threads)
    words = _Draws(seed, "words")
    dates = _Draws(seed, "dates")
    longer = messages - threads * (messages // threads)
    rows: dict[str, list[object]] = {
        name: []
        for name in (
            "thread_id", "seq", "turn", "sender_role", "sender_id", "recipient_id",
            "thread_started_at", "text",
        )
    }  # fmt: skip
    for number, two in enumerate(parties):
        second = dates.below(_DAYS * 86_400)
        started = _FIRST_DAY + timedelta(seconds=second)
        undated = number < _UNDATED_THREADS
        thread = ("BAD_" if undated else "") + f"{started:%Y%m%d-%H%M%S}_{number}_generated"
        length = messages // threads + (number < longer)
        for seq in range(length):
            role = seq % 2
            values = (
                thread,
                seq,
                seq // 2,
                ("persuader", "persuadee")[role],
                two[role],
                two[1 - role],
                None if undated else started,
                _text(words, seq / length, role),
            )
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
    instants = pa.array(rows.pop("thread_started_at"), type=pa.timestamp("us", tz="UTC"))
    table = pa.table(rows)
    return table.add_column(6, "thread_started_at", instants)


def _parties(draws: _Draws, members: int, threads: int) -> list[tuple[str, str]]:
    """Give every member a place in some thread, and the remaining places to a few of them."""
    places = list(range(members))
    few = max(2, members // _REPEATERS_SHARE)
    places += [draws.below(few) for _ in range(2 * threads - members)]
    for at in range(len(places) - 1, 0, -1):
        other = draws.below(at + 1)
        places[at], places[other] = places[other], places[at]
    for at in range(0, len(places), 2):
        # Nobody talks to themselves: swap with the next place that makes both threads differ.
        other = at + 2
        while places[at] == places[at + 1]:
            there = other % len(places)
            partner = there + 1 if there % 2 == 0 else there - 1
            if places[there] != places[at] and places[partner] != places[at]:
                places[at + 1], places[there] = places[there], places[at + 1]
            other += 1
    names = [f"generated_{place + 1}" for place in places]
    return list(zip(names[::2], names[1::2], strict=True))


def _text(words: _Draws, progress: float, role: int) -> str:
    stage = min(int(progress * len(_STAGES)), len(_STAGES) - 1)
    text = words.early(_STAGES[stage][role])
    tale = words.below(10)
    if tale < 6:  # said in words that few others choose, so that coverage is far below one
        told = _TALES[words.below(len(_TALES))].format(
            n=words.below(90) + 1,
            thing=_THINGS[words.below(len(_THINGS))],
            other=_THINGS[words.below(len(_THINGS))],
            place=_PLACES[words.below(len(_PLACES))],
            when=_WHENS[words.below(len(_WHENS))],
        )
        text = told if tale < 4 else f"{text} {told}"
    return text.format(n=words.below(90) + 1)
