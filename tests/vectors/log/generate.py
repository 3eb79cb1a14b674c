"""Write the vectors of the log's formats: `python -m tests.vectors.log.generate`.

One file per format, each a list of cases: a name, `expect` (`accept` or the error code), and what
is read, bytes as base64. Keys are derived from labels in the open. ML-DSA-44 signing is randomised:
the note signed with it is kept from the file that is there.
"""

from __future__ import annotations

import base64
import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from byleave import merkle
from byleave.evidence.fork import ForkProof
from byleave.evidence.log_proof import LogProof
from byleave.ids import Digest
from byleave.note import Checkpoint, KeyType, Signature, SignerKey, ml_dsa, parse_note, sign_note
from byleave.note.signed import add_signatures
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.bundle import encode_bundle
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader
from byleave.tlog.witness import AddCheckpoint, encode_request
from tests.vectors.world import derive

FOLDER: Final = Path(__file__).resolve().parent / "formats"
ORIGIN: Final = "log.test.invalid/formats"
LOG: Final = SignerKey(name=ORIGIN, seed=derive("formats log"))
STRANGER: Final = SignerKey(name=ORIGIN, seed=derive("formats stranger"))
WITNESS: Final = SignerKey(
    name="w.test.invalid", type=KeyType.COSIGNATURE, seed=derive("formats witness")
)
POST_QUANTUM: Final = SignerKey(
    name="q.test.invalid", type=KeyType.ML_DSA_44, seed=derive("formats ml-dsa")
)
ENTRIES: Final = [b"entry %d" % number for number in range(300)]
AT: Final = Checkpoint(origin=ORIGIN, size=7, root=Digest(derive("formats root")))
SECONDS: Final = 1_700_000_000

Case = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def line(key: SignerKey, text: bytes = AT.format(), seconds: int = SECONDS) -> Signature:
    plain = key.type is KeyType.ED25519
    payload = key.sign(text, seconds=None if plain else seconds)
    return Signature(name=key.name, key_id=key.verifier.key_id, payload=payload)


def published(entries: list[bytes]) -> MemoryTiles:
    tiles, source, head = MemoryTiles(), MemorySource(), MemoryHead()
    for size in (6, len(entries)):
        source.entries = entries[:size]
        publish(source, tiles, head, LOG, origin=ORIGIN)
    return tiles


def keys() -> list[Case]:
    good = str(LOG.verifier)
    name, key_id, body = good.split("+", 2)
    long = SignerKey(name="x" * 255, seed=derive("long"))
    cases = {
        "ed25519": ("accept", good),
        "cosignature": ("accept", str(WITNESS.verifier)),
        "ml-dsa-44": ("accept", str(POST_QUANTUM.verifier)),
        "name of 255 bytes": ("accept", str(long.verifier)),
        "name of 256 bytes": ("note.key", f"{'x' * 256}+{key_id}+{body}"),
        "another name's id": ("note.key", f"other.invalid+{key_id}+{body}"),
        "id in capitals": ("note.key", f"{name}+{key_id.upper()}+{body}"),
        "unknown type": ("note.key", f"{name}+{key_id}+{b64(bytes([0x05]) + bytes(32))}"),
        "too short": ("note.key", f"{name}+{key_id}+{b64(bytes([0x01]) + bytes(31))}"),
        "space in the name": ("note.key", good.replace("log.", "log ", 1)),
        "no name": ("note.key", good[len(name) :]),
        "padding missing": ("note.key", good.rstrip("=") + "=A"),
        "empty": ("note.key", ""),
    }
    return [{"name": n, "expect": e, "vkey": text} for n, (e, text) in cases.items()]


@functools.cache
def post_quantum_note() -> bytes:
    """Return the note that is there, or a new one: no two signatures are alike."""
    file = FOLDER / "checkpoint.json"
    if file.exists():
        for case in json.loads(file.read_text(encoding="ascii")):
            if case["name"] == "ml-dsa-44":
                return base64.b64decode(case["note"])
    return add_signatures(AT.format(), [line(LOG), line(POST_QUANTUM)])


def checkpoints() -> list[Case]:
    log, cosigned = line(LOG), line(WITNESS)
    text = AT.format()
    unknown = Signature(name="unknown.invalid", key_id=b"none", payload=b"x")
    same_name = Signature(name=ORIGIN, key_id=b"none", payload=bytes(64))
    false = replace(log, payload=bytes(64))
    many = [replace(unknown, payload=bytes([n + 1])) for n in range(99)]
    alone = f"log {LOG.verifier}\nquorum none\n"
    both = f"log {LOG.verifier}\nwitness W {WITNESS.verifier}\nquorum W\n"
    quantum = f"log {LOG.verifier}\nwitness Q {POST_QUANTUM.verifier}\nquorum Q\n"
    whole = add_signatures(text, [log])
    root = text.split(b"\n")[2]
    extension = sign_note(text + b"extension\n", [LOG])
    changed = whole.replace(b"\n7\n", b"\n8\n")
    cases: dict[str, tuple[str, bytes, str]] = {
        "signed by the log": ("accept", whole, alone),
        "an unknown line first": ("accept", add_signatures(text, [unknown, log]), alone),
        "an unknown line last": ("accept", add_signatures(text, [log, unknown]), alone),
        "an unknown key of the log's name": (
            "accept", add_signatures(text, [same_name, log]), alone,
        ),
        "the same line twice": ("accept", add_signatures(text, [log, log]), alone),
        "the log's key twice, once false": (
            "note.bad-signature", add_signatures(text, [log, false]), alone,
        ),
        "the log's key twice, first false": (
            "note.bad-signature", add_signatures(text, [false, log]), alone,
        ),
        "17 signatures": ("accept", add_signatures(text, [*many[:16], log]), alone),
        "100 signatures": ("accept", add_signatures(text, [*many, log]), alone),
        "101 signatures": (
            "note.too-large",
            text + b"\n" + "".join(x.format() for x in [*many, log, unknown]).encode(),
            alone,
        ),
        "witness before log": ("accept", add_signatures(text, [cosigned, log]), both),
        "witness after log": ("accept", add_signatures(text, [log, cosigned]), both),
        "without the witness": ("trust.quorum", whole, both),
        "without the log": (
            "note.no-known-signature", add_signatures(text, [cosigned]), both,
        ),
        "a false cosignature": (
            "note.bad-signature",
            add_signatures(text, [log, replace(cosigned, payload=cosigned.payload[:8] + bytes(64))]),
            both,
        ),
        "a cosignature moved in time": (
            "note.bad-signature",
            add_signatures(
                text, [log, replace(cosigned, payload=bytes(8) + cosigned.payload[8:])]
            ),
            both,
        ),
        "a cosignature cut short": (
            "note.bad-signature",
            add_signatures(text, [log, replace(cosigned, payload=cosigned.payload[:8])]),
            both,
        ),
        "ml-dsa-44": ("accept", post_quantum_note(), quantum),
        "ml-dsa-44 of another name": (
            "trust.quorum",
            post_quantum_note(),
            quantum.replace(
                str(POST_QUANTUM.verifier), str(replace(POST_QUANTUM, name="z.invalid").verifier)
            ),
        ),
        "signed by a stranger": (
            "note.no-known-signature", add_signatures(text, [line(STRANGER)]), alone,
        ),
        "another size": ("note.bad-signature", changed, alone),
        "an extension line": ("note.malformed", extension, alone),
        "a size beyond 63 bits": (
            "note.malformed",
            sign_note(text.replace(b"\n7\n", b"\n9223372036854775808\n"), [LOG]),
            alone,
        ),
        "a size with a plus": (
            "note.malformed", sign_note(text.replace(b"\n7\n", b"\n+7\n"), [LOG]), alone,
        ),
        "a root of 31 bytes": (
            "note.malformed", sign_note(text.replace(root, b64(bytes(31)).encode()), [LOG]), alone,
        ),
        "an origin of 256 bytes": (
            "note.malformed", sign_note(text.replace(ORIGIN.encode(), b"x" * 256), [LOG]), alone,
        ),
        "no blank line": ("note.malformed", whole.replace(b"\n\n", b"\n"), alone),
        "two blank lines": ("note.malformed", whole.replace(b"\n\n", b"\n\n\n"), alone),
        "no last newline": ("note.malformed", whole[:-1], alone),
        "a hyphen for the dash": (
            "note.malformed", whole.replace("\u2014".encode(), b"-"), alone,
        ),
        "a tab in the line": (
            "note.malformed", whole.replace("\u2014 ".encode(), "\u2014\t".encode()), alone,
        ),
        "not UTF-8": ("note.malformed", whole.replace(b"log.", b"l\xffg."), alone),
        "empty": ("note.malformed", b"", alone),
    }  # fmt: skip
    return [
        {"name": n, "expect": e, "note": b64(note), "trust": trust}
        for n, (e, note, trust) in cases.items()
    ]


def trust_files() -> list[Case]:
    log, one = f"log {LOG.verifier}", f"witness A {WITNESS.verifier}"
    other = SignerKey(name="v.invalid", type=KeyType.COSIGNATURE, seed=derive("v")).verifier
    two = f"{one}\nwitness B {other}"
    same_key = SignerKey(name="u.invalid", type=KeyType.COSIGNATURE, seed=WITNESS.seed).verifier
    cases = {
        "no witness": ("accept", f"{log}\nquorum none\n"),
        "one witness": ("accept", f"{log}\n{one}\nquorum A\n"),
        "address, comment, tabs": ("accept", f"# x\n\t{log}\t http://x/ \n\n{one} x\nquorum A\n"),
        "a group": ("accept", f"{log}\n{two}\ngroup G 1 A B\nquorum G\n"),
        "groups of groups": (
            "accept",
            f"{log}\n{two}\ngroup G any A\ngroup H all G B\nquorum H\n",
        ),
        "a witness of type 06": (
            "accept",
            f"{log}\nwitness Q {POST_QUANTUM.verifier}\nquorum Q\n",
        ),
        "non-ASCII comment": ("accept", f"# é\n{log}\nquorum none\n"),
        "a threshold of 0": ("trust.malformed", f"{log}\n{two}\ngroup G 0 A B\nquorum G\n"),
        "a threshold above the members": (
            "trust.malformed",
            f"{log}\n{two}\ngroup G 3 A B\nquorum G\n",
        ),
        "a threshold with a zero before it": (
            "trust.malformed",
            f"{log}\n{two}\ngroup G 01 A B\nquorum G\n",
        ),
        "a member twice": ("trust.malformed", f"{log}\n{two}\ngroup G 2 A A\nquorum G\n"),
        "a member of two groups": (
            "trust.malformed",
            f"{log}\n{two}\ngroup G any A\ngroup H any A\nquorum H\n",
        ),
        "a member defined below": (
            "trust.malformed",
            f"{log}\ngroup G any A\n{one}\nquorum G\n",
        ),
        "a member called none": ("trust.malformed", f"{log}\n{one}\ngroup G any none\nquorum G\n"),
        "a witness called none": (
            "trust.malformed",
            f"{log}\nwitness none {WITNESS.verifier}\nquorum none\n",
        ),
        "an empty group": ("trust.malformed", f"{log}\n{one}\ngroup G any\nquorum A\n"),
        "one key under two names": (
            "trust.malformed",
            f"{log}\n{one}\nwitness B {same_key}\nquorum A\n",
        ),
        "a log twice": ("trust.malformed", f"{log}\n{log}\nquorum none\n"),
        "two quorums": ("trust.malformed", f"{log}\nquorum none\nquorum none\n"),
        "no quorum": ("trust.malformed", f"{log}\n"),
        "an unknown quorum": ("trust.malformed", f"{log}\nquorum X\n"),
        "no log": ("trust.malformed", "quorum none\n"),
        "a log with a witness's key": (
            "trust.malformed",
            f"log {WITNESS.verifier}\nquorum none\n",
        ),
        "a witness with a log's key": (
            "trust.malformed",
            f"{log}\nwitness A {LOG.verifier}\nquorum A\n",
        ),
        "an unknown line": ("trust.malformed", f"{log}\nquorum none\nextra\n"),
        "a carriage return": ("trust.malformed", f"{log}\r\nquorum none\r\n"),
        "no last newline": ("trust.malformed", f"{log}\nquorum none"),
        "empty": ("trust.malformed", ""),
    }
    return [{"name": n, "expect": e, "trust": text} for n, (e, text) in cases.items()]


def proofs() -> list[Case]:
    """tlog-proof texts under the log's trust file, for the entry at index 5 of 300."""
    reader = LogReader(published(ENTRIES))
    good = reader.logged(5).proof
    text = good.format()
    trust = f"log {LOG.verifier}\nquorum none\n"
    lines = text.split("\n")
    old = LogProof(
        index=5, path=reader.inclusion(5, 6), checkpoint=published(ENTRIES).every_checkpoint[0]
    )
    other_note = sign_note(replace(AT, size=300).format(), [LOG])
    cases: dict[str, tuple[str, str]] = {
        "entry 5 of 300": ("accept", text),
        "an old checkpoint of the same log": ("accept", old.format()),
        "another index": ("merkle.root-mismatch", text.replace("index 5", "index 4")),
        "an index beyond the size": (
            "merkle.index-out-of-range", text.replace("index 5", "index 300"),
        ),
        "a hash missing": ("merkle.path-length", "\n".join(lines[:2] + lines[3:])),
        "no hashes": ("merkle.path-length", replace(good, path=()).format()),
        "a hash changed": (
            "merkle.root-mismatch", text.replace(lines[2], b64(derive("other hash"))),
        ),
        "wrong tree size": ("merkle.path-length", replace(good, checkpoint=old.checkpoint).format()),
        "another root": ("merkle.root-mismatch", replace(good, checkpoint=other_note).format()),
        "64 hashes": ("proof.too-large", replace(good, path=(bytes(32),) * 64).format()),
        "an extra line": ("proof.log-proof", text.replace("index", "extra AA==\nindex", 1)),
        "another header": ("proof.log-proof", text.replace("@v1", "@v2")),
        "an index with a zero before it": ("proof.log-proof", text.replace("index 5", "index 05")),
        "a hash of 31 bytes": ("proof.log-proof", text.replace(lines[2], b64(bytes(31)))),
        "base64 with unused bits": (
            "proof.log-proof", text.replace(lines[2], b64(bytes(32))[:-2] + "B="),
        ),
        "no checkpoint": ("proof.log-proof", text[: text.index("\n\n") + 2]),
        "carriage returns": ("proof.log-proof", text.replace("\n", "\r\n")),
        "empty": ("proof.log-proof", ""),
    }  # fmt: skip
    return [
        {"name": n, "expect": e, "entry": b64(ENTRIES[5]), "proof": body, "trust": trust}
        for n, (e, body) in cases.items()
    ]


def paths() -> list[Case]:
    accepted = {
        "tile/0/000", "tile/0/000.p/1", "tile/0/999.p/255", "tile/7/x001/234/".rstrip("/"),
        "tile/3/x001/x234/067", "tile/entries/000", "tile/entries/x001/x234/067.p/8",
    }  # fmt: skip
    refused = {
        "tile/8/000", "tile/00/000", "tile/-1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001",
        "tile/0/001/234", "tile/0/x001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/0/000.p/", "tile/0/000/", "/tile/0/000", "tile/entries/1", "tile/entries/000.p/256",
        "tile/data/000", "tile/0/٠٠٠", "tile/0/000\n", "checkpoint", "",
    }  # fmt: skip
    return [
        {"name": path or "empty", "expect": expect, "path": path}
        for group, expect in ((accepted, "accept"), (refused, "log.tile-path"))
        for path in sorted(group)
    ]


def bundles() -> list[Case]:
    whole = encode_bundle(ENTRIES[:3])
    cases: dict[str, tuple[str, bytes, int]] = {
        "three entries": ("accept", whole, 3),
        "entries of several lengths": ("accept", encode_bundle([b"", b"a", b"bcd"]), 3),
        "empty entries": ("accept", encode_bundle([b"", b""]), 2),
        "an entry of 65,535 bytes": ("accept", encode_bundle([b"x" * 65_535]), 1),
        "one entry too few": ("log.entry-damaged", whole, 4),
        "one entry too many": ("log.entry-damaged", whole, 2),
        "cut short": ("log.entry-damaged", whole[:-1], 3),
        "half a length": ("log.entry-damaged", whole + b"\x00", 3),
        "a byte too many": ("log.entry-damaged", whole + b"\x00\x00", 3),
        "a length changed": ("log.entry-damaged", b"\x00\x01" + whole[2:], 3),
        "equal lengths but for one": (
            "log.entry-damaged", encode_bundle([b"ab", b"cd"])[:-3] + b"\x03ef", 2,
        ),
        "empty": ("log.entry-damaged", b"", 1),
    }  # fmt: skip
    return [
        {"name": n, "expect": e, "bundle": b64(data), "width": width}
        for n, (e, data, width) in cases.items()
    ]


def requests() -> list[Case]:
    tiles = published(ENTRIES)
    note = tiles.published or b""
    path = LogReader(tiles).consistency(6)
    whole = encode_request(AddCheckpoint(old=6, path=path, note=note))
    cases: dict[str, tuple[str, bytes]] = {
        "from 6 to 300": ("accept", whole),
        "from nothing": ("accept", encode_request(AddCheckpoint(old=0, path=(), note=note))),
        "63 hashes": (
            "accept", encode_request(AddCheckpoint(old=6, path=(bytes(32),) * 63, note=note)),
        ),
        "64 hashes": (
            "witness.request",
            encode_request(AddCheckpoint(old=6, path=(bytes(32),) * 64, note=note)),
        ),
        "a size with a zero before it": ("witness.request", whole.replace(b"old 6", b"old 06")),
        "a negative size": ("witness.request", whole.replace(b"old 6", b"old -6")),
        "a size beyond 63 bits": (
            "witness.request", whole.replace(b"old 6", b"old 9223372036854775808"),
        ),
        "no size": ("witness.request", whole.partition(b"\n")[2]),
        "no blank line": ("witness.request", whole.replace(b"\n\n", b"\n")),
        "no checkpoint": ("witness.request", whole[: whole.index(b"\n\n") + 2]),
        "carriage returns": ("witness.request", whole.replace(b"\n", b"\r\n")),
        "a hash of 31 bytes": (
            "witness.request", whole.replace(b64(path[0]).encode(), b64(bytes(31)).encode()),
        ),
        "empty": ("witness.request", b""),
    }  # fmt: skip
    return [{"name": n, "expect": e, "request": b64(data)} for n, (e, data) in cases.items()]


def forks() -> list[Case]:
    honest, other = published(ENTRIES), published([b"other", *ENTRIES[1:]])
    first, second = honest.every_checkpoint
    forked = other.published or b""
    reader = LogReader(other)
    shown, path = reader.root(6), reader.consistency(6)
    trust = f"log {LOG.verifier}\nquorum none\n"
    equal = ForkProof(first=second, second=forked, shown=None, path=())
    larger = ForkProof(first=first, second=forked, shown=shown, path=path)
    true = LogReader(honest)
    cases: dict[str, tuple[str, bytes]] = {
        "two trees of one size": ("accept", equal.encode()),
        "a tree that does not begin with the other": ("accept", larger.encode()),
        "one checkpoint twice": ("fork.none", replace(equal, second=second).encode()),
        "two true checkpoints": (
            "fork.none",
            ForkProof(
                first=first, second=second, shown=true.root(6), path=true.consistency(6)
            ).encode(),
        ),
        "a root made up": (
            "merkle.root-mismatch",
            ForkProof(
                first=first, second=second, shown=derive("made up"), path=true.consistency(6)
            ).encode(),
        ),
        "no path": ("merkle.path-length", replace(larger, path=()).encode()),
        "the larger one first": (
            "fork.none", replace(larger, first=forked, second=first).encode(),
        ),
        "a signature changed": (
            "note.bad-signature",
            replace(
                equal,
                second=add_signatures(
                    parse_note(forked).text,
                    [replace(parse_note(forked).signatures[0], payload=bytes(64))],
                ),
            ).encode(),
        ),
        "spaces": ("fork.malformed", equal.encode().replace(b",", b", ")),
        "another format": ("fork.malformed", equal.encode().replace(b"fork/v1", b"fork/v2")),
        "empty": ("fork.malformed", b""),
    }  # fmt: skip
    return [
        {"name": n, "expect": e, "fork": b64(data), "trust": trust}
        for n, (e, data) in cases.items()
    ]


def trees() -> list[Case]:
    """Edges of RFC 6962: roots and proofs of trees of the sizes at which recursion turns."""
    leaves = merkle.leaf_hashes(ENTRIES)
    reader = merkle.LevelReader(merkle.all_levels(leaves))
    return [
        {
            "name": f"{old} of {new}",
            "expect": "accept",
            "old": old,
            "new": new,
            "old_root": merkle.root(leaves[:old]).hex(),
            "new_root": merkle.root(leaves[:new]).hex(),
            "consistency": [item.hex() for item in merkle.consistency_proof(old, new, reader)],
            "last": [
                item.hex()
                for item in (merkle.inclusion_proof(old - 1, new, reader) if old else ())
            ],
        }
        for old, new in (
            (0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 4), (4, 7), (6, 7), (7, 8), (8, 8),
            (8, 9), (64, 65), (127, 129), (255, 256), (256, 257), (256, 300), (299, 300),
        )
    ]  # fmt: skip


def all_formats() -> dict[str, list[Case]]:
    """Return the cases of each format by its file's name."""
    found = {
        "bundle": bundles(),
        "checkpoint": checkpoints(),
        "fork": forks(),
        "path": paths(),
        "tlog-proof": proofs(),
        "tree": trees(),
        "trust": trust_files(),
        "vkey": keys(),
        "witness-request": requests(),
    }
    assert ml_dsa.available(), "these vectors are made where ML-DSA-44 can be signed"
    return found


def write(cases: list[Case]) -> str:
    """Return a vector file's text."""
    return json.dumps(cases, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    for name, cases in all_formats().items():
        (FOLDER / f"{name}.json").write_text(write(cases), encoding="ascii")
