"""The browser's verifier, run where there is no page: in Node.js, or in Chromium from a saved file."""

from __future__ import annotations

import base64
import copy
import json
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from byleave import canonical
from byleave.errors import InputError

__all__ = ["IN_NODE", "Case", "Judge", "in_node", "mutations", "resealed", "vectors"]

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**53 - 1, "", "x", "0" * 64, "0" * 32, "0" * 160, [], {},
    {"a": 1}, [1], "2024-09-18T00:00:00Z", "2024-02-30T00:00:00Z", "\u2028é", "👍",
)  # fmt: skip
IN_NODE: Final = """
const verifier = require(process.argv[1]);
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
const bytes = (text) => (text === null ? null : new Uint8Array(Buffer.from(text, "base64")));
(async () => {
  verifier.preferOwnArithmetic(process.argv[2] === "own" ? true : null);
  for (const line of lines) {
    const [proof, trust, receipt] = JSON.parse(line).map(bytes);
    try {
      console.log(verifier.encode(await verifier.verify(proof, trust, receipt)));
    } catch (error) {
      console.log(JSON.stringify({ broken: String(error.stack) }));
    }
  }
})();
"""
Judge = Callable[[Sequence["Case"]], list[dict[str, Any]]]
"""Returns the verdict on each case."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one verification is given."""

    name: str
    proof: bytes
    trust: bytes
    receipt: bytes | None

    def written(self) -> list[str | None]:
        """Return the three files in base64."""
        given = (self.proof, self.trust, self.receipt)
        return [None if i is None else base64.b64encode(i).decode("ascii") for i in given]


def vectors() -> list[Case]:
    """Return every vector of a proof file."""
    cases = []
    for path in sorted((VECTORS / "proof").glob("*.json")):
        found = json.loads(path.read_text(encoding="ascii"))
        receipt = found["receipt"]
        cases.append(
            Case(
                path.stem,
                base64.b64decode(found["proof"]),
                found["trust"].encode(),
                None if receipt is None else base64.b64decode(receipt),
            )
        )
    return cases


def mutations(cases: Sequence[Case], each: int, *, seed: int) -> list[Case]:
    """Return copies of cases in which one byte of one file is another, gone, moved or new."""
    chance = random.Random(seed)
    return [_mutated(case, chance) for case in cases for _ in range(each)]


def resealed(cases: Sequence[Case], each: int, *, seed: int) -> list[Case]:
    """Return copies of cases in which one value of the proof is another, its digest made right."""
    chance = random.Random(seed)
    found = []
    for case in cases:
        try:
            document: Any = canonical.decode(case.proof)
        except InputError:
            continue
        for _ in range(each):
            changed = copy.deepcopy(document)
            *folders, name = chance.choice([place for place in _places(document) if place])
            inside = changed
            for folder in folders:
                inside = inside[folder]
            inside[name] = chance.choice(VALUES)
            changed.pop("digest", None)
            changed["digest"] = canonical.digest_of(changed).hex()
            found.append(replace(case, proof=canonical.encode(changed)))
    return found


def _places(value: object, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*above, name))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*above, index))


def in_node(node: str, script: Path, cases: Sequence[Case], *, own: bool = False) -> Any:
    """Return Node's verdicts; `own`: with the script's own Ed25519 in place of Node's."""
    given = "\n".join(json.dumps(case.written()) for case in cases)
    command = [node, "-e", IN_NODE, str(script), *(["own"] if own else ["library"])]
    ran = subprocess.run(
        command, input=given, capture_output=True, text=True, check=True, timeout=300
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _mutated(case: Case, chance: random.Random) -> Case:
    which = chance.choice(("proof",) * 6 + ("trust", "receipt"))
    data = bytearray(getattr(case, which) or b"\x00")
    at, to = chance.randrange(len(data)), chance.randrange(len(data))
    match chance.randrange(5):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at] = chance.choice(b'0123456789abcdefABZ"{}[],:\\ \n+/=')
        case 2:
            del data[at]
        case 3:
            data.insert(at, chance.choice(b'0123456789af"{}[],:= \n'))
        case _:
            data[at], data[to] = data[to], data[at]
    changed: dict[str, Any] = {which: bytes(data)}
    return replace(case, **changed)
