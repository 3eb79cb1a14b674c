"""Write the vectors beside this file: `python -m tests.vectors.generate`.

One file per case: `expect: accept` or the error code, how to read it, and the bytes. Keys,
secrets and salts come from `world.py`, in the open. A format that has been released keeps its
vectors for ever; a change here that changes an old file is a break.
"""

from __future__ import annotations

import base64
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, get_type_hints

from byleave import canonical, merkle
from byleave.evidence.entry import ENTRY_KINDS, Entry
from byleave.evidence.proof_file import ProofFile, encode_proof_file
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.signed import add_signatures
from tests.vectors.acknowledged import acknowledged
from tests.vectors.acts import acts
from tests.vectors.cased import cased
from tests.vectors.world import AT, ORIGIN, derive, honest, signer, trust_text

HERE: Final = Path(__file__).resolve().parent
Case = dict[str, Any]


RFC9381: Final = [
    {
        "seed": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "public": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "alpha": "",
        "proof": "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee"
        "1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
        "output": "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
        "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    },
    {
        "seed": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "public": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "alpha": "72",
        "proof": "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3e"
        "d7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
        "output": "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
        "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    },
    {
        "seed": "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "public": "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "alpha": "af82",
        "proof": "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c36"
        "2d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
        "output": "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
        "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
    },
]
"""RFC 9381, appendix B.3, examples 16 to 18.

Compared, every digit, with what others copied from the RFC: the crates solana-ecvrf 0.0.1
(tests/vectors.json) and akd_core 0.12.0 (src/ecvrf/tests.rs), and a Go package's tests, which also
have the points between (tests/unit/evidence/test_vrf.py).
"""


def text(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()


def merkle_cases() -> dict[str, Case]:
    """Inclusion and consistency proofs in a tree of 11 leaves, `leaf 0` to `leaf 10`."""
    leaves = merkle.leaf_hashes(b"leaf %d" % number for number in range(11))
    reader = merkle.LevelReader(merkle.all_levels(leaves))
    path = merkle.inclusion_proof(6, 11, reader)
    inclusion: Case = {
        "kind": "inclusion",
        "leaf": leaves[6].hex(),
        "index": 6,
        "size": 11,
        "path": [item.hex() for item in path],
        "root": merkle.root(leaves).hex(),
    }
    consistency: Case = {
        "kind": "consistency",
        "old": 6,
        "old_root": merkle.root(leaves[:6]).hex(),
        "new": 11,
        "new_root": merkle.root(leaves).hex(),
        "path": [item.hex() for item in merkle.consistency_proof(6, 11, reader)],
    }
    return {
        "inclusion": {"expect": "accept", **inclusion},
        "inclusion-other-index": {"expect": "merkle.root-mismatch", **inclusion, "index": 4},
        "inclusion-beyond-size": {
            "expect": "merkle.index-out-of-range", **inclusion, "index": 11,
        },
        "inclusion-empty": {"expect": "merkle.path-length", **inclusion, "path": []},
        "inclusion-too-long": {
            "expect": "merkle.path-length", **inclusion, "path": [*inclusion["path"], "00" * 32],
        },
        "inclusion-short-hash": {
            "expect": "merkle.hash-length", **inclusion, "path": ["00" * 31, *inclusion["path"][1:]],
        },
        "consistency": {"expect": "accept", **consistency},
        "consistency-other-history": {
            "expect": "merkle.root-mismatch", **consistency, "old_root": leaves[0].hex(),
        },
        "consistency-shrinks": {
            "expect": "merkle.sizes-out-of-order", **consistency, "old": 12,
        },
        "consistency-empty": {"expect": "merkle.path-length", **consistency, "path": []},
    }  # fmt: skip


def note_cases() -> dict[str, Case]:
    """Checkpoints under a trust file with one log and one witness."""
    checkpoint = honest().reader.checkpoint_bytes()
    note = parse_note(checkpoint)
    witness = SignerKey(
        name="witness.test.invalid", type=KeyType.COSIGNATURE, seed=derive("witness")
    )

    def line(seconds: int) -> Signature:
        return Signature(
            name=witness.name,
            key_id=witness.verifier.key_id,
            payload=witness.sign(note.text, seconds=seconds),
        )

    witnessed = add_signatures(note.text, [*note.signatures, line(1_700_000_000)])
    late = replace(line(1_700_000_000), payload=line(1_700_000_001).payload[:8] + bytes(64))
    alone = trust_text()
    both = f"log {signer().verifier}\nwitness W {witness.verifier}\nquorum W\n"
    unknown = Signature(name="unknown.test.invalid", key_id=b"none", payload=b"signature")

    def case(expect: str, data: bytes, trust: str = alone) -> Case:
        return {"expect": expect, "kind": "checkpoint", "trust": trust, "note": text(data)}

    return {
        "checkpoint": case("accept", checkpoint),
        "checkpoint-witnessed": case("accept", witnessed, both),
        "checkpoint-unknown-line": case(
            "accept", add_signatures(note.text, [unknown, *note.signatures])
        ),
        "checkpoint-without-quorum": case("trust.quorum", checkpoint, both),
        "checkpoint-false-cosignature": case(
            "note.bad-signature", add_signatures(note.text, [*note.signatures, late]), both
        ),
        "checkpoint-other-root": case(
            "note.bad-signature",
            checkpoint.replace(note.text.split(b"\n")[2], text(derive("root")).encode()),
        ),
        "checkpoint-other-log": case(
            "trust.unknown-log", checkpoint, trust_text(signer("other.test.invalid"))
        ),
        "checkpoint-unsigned": case(
            "note.no-known-signature", add_signatures(note.text, [unknown])
        ),
        "checkpoint-leading-zero": case(
            "note.malformed", checkpoint.replace(b"\n22\n", b"\n022\n")
        ),
        "checkpoint-carriage-return": case("note.malformed", checkpoint.replace(b"\n", b"\r\n", 1)),
        "trust-no-quorum": case("trust.malformed", checkpoint, f"log {signer().verifier}\n"),
    }


def proof_cases() -> dict[str, Case]:
    """Proof files with their receipts, under the world's trust file."""
    world = honest()

    def case(expect: str, data: bytes, member: str | None) -> Case:
        receipt = None if member is None else text(world.receipt(member).encode())
        return {
            "expect": expect,
            "kind": "proof",
            "trust": trust_text(),
            "proof": text(data),
            "receipt": receipt,
        }

    absence = encode_proof_file(world.absence("cyd"))
    presence = encode_proof_file(world.presence("ada"))
    fewer = replace(
        world.presence("ada"),
        proof=replace(world.presence("ada").proof, records=world.presence("ada").proof.records[1:]),
    )
    moved: Any = json.loads(absence)
    moved["map"]["label"] = moved["map"]["label"][:-1] + "0"
    unlisted = replace(
        world.absence("cyd"),
        proof=replace(world.absence("cyd").proof, labels=()),
    )
    return {
        "absence": case("accept", absence, "cyd"),
        "absence-without-receipt": case("accept", absence, None),
        "absence-without-label": case(
            "accept", encode_proof_file(world.absence("dov", with_label=False)), "dov"
        ),
        "presence": case("accept", presence, "ada"),
        "consent-event": case("accept", encode_proof_file(world.consent_event("bea")), "bea"),
        "presence-without-receipt": case("verify.receipt-needed", presence, None),
        "absence-other-receipt": case("verify.label", absence, "dov"),
        "presence-fewer-records": case("map.root-mismatch", encode_proof_file(fewer), "ada"),
        "absence-labels-left-out": case("map.root-mismatch", encode_proof_file(unlisted), "cyd"),
        "absence-other-label": case("proof.digest", canonical.encode(moved), None),
        "absence-two-newlines": case("proof.malformed", absence + b"\n", "cyd"),
        "nothing": case("proof.empty", b"", None),
        "nested-65": case("proof.too-deep", b'{"a":' * 65 + b"0" + b"}" * 65, None),
        "nested-64": case("proof.malformed", b'{"a":' * 64 + b"0" + b"}" * 64, None),
        "absence-spaced": case("proof.malformed", absence.replace(b",", b", ", 1), "cyd"),
        "absence-private-null": case("proof.malformed", _with_null(absence), "cyd"),
    }


def _with_padding(data: bytes) -> bytes:
    """Return a proof file with a whole group of base64 followed by a padding character."""
    document: Any = canonical.decode(data)
    whole = [item for item in document["entries"].values() if not item["entry"].endswith("=")]
    whole[0]["entry"] += "="
    return canonical.encode(_sealed(document))


def _with_null(data: bytes) -> bytes:
    """Return a proof file that says `"private": null`."""
    document: Any = canonical.decode(data)
    return canonical.encode(_sealed({**document, "private": None}))


def _sealed(document: Any) -> Any:
    """Return a proof file's document with its digest made right."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    return {**rest, "digest": canonical.digest_of(rest).hex()}


def acts_cases() -> dict[str, Case]:
    """Proof files about one record, about the platform, from a directory, and self-contained."""
    done = acts()

    def case(expect: str, proof: ProofFile, member: str | None = None) -> Case:
        receipt = None if member is None else text(done.receipt(member).encode())
        return {
            "expect": expect,
            "kind": "proof",
            "trust": trust_text(),
            "proof": text(encode_proof_file(proof)),
            "receipt": receipt,
        }

    absent = done.absence("ada")
    record, shown = done.record("ada", 1), done.record("ada", 1, for_others=True)
    platform: dict[str, Any] = done.platform()
    joint = done.receipt("eve")
    assert joint.joint is not None
    unmade = replace(joint, joint=replace(joint.joint, member=derive("another nonce")))
    lineage, disclosure = platform["lineage"], platform["disclosure"]
    delta, certificate = platform["delta"], platform["certificate"]
    (change,) = delta.proof.changes
    padded = case("proof.malformed", lineage) | {
        "proof": text(_with_padding(encode_proof_file(lineage)))
    }
    return {
        "lineage-padded-once-more": padded,
        "absence-directory": case("accept", absent, "ada"),
        "absence-directory-other-member": case(
            "vrf.proof", replace(absent, directory=done.part("bea")), "ada"
        ),
        "absence-self-contained": case(
            "accept", replace(absent, receipt=done.receipt("ada").encode())
        ),
        "absence-two-receipts": case(
            "verify.two-receipts", replace(absent, receipt=done.receipt("ada").encode()), "bea"
        ),
        "absence-joint": case("accept", done.absence("eve"), "eve"),
        "absence-joint-other-nonce": {
            **case("receipt.joint", done.absence("eve")), "receipt": text(unmade.encode()),
        },
        "record": case("accept", record, "ada"),
        "record-without-receipt": case("verify.receipt-needed", record),
        "record-for-others": case("accept", shown),
        "record-other-number": case("map.root-mismatch", replace(shown, of=4)),
        "record-beyond-number": case("map.malformed", replace(shown, index=3)),
        "enrolled": case("accept", done.enrolled("bea"), "bea"),
        "enrolled-other-enrolment": case(
            "map.root-mismatch",
            replace(done.enrolled("bea"), enrolment=done.reader.logged(0)),
        ),
        "not-enrolled": case("accept", done.not_enrolled("fay")),
        "not-enrolled-listed": case(
            "vrf.proof", replace(done.not_enrolled("fay"), member="bea")
        ),
        "lineage": case("accept", lineage),
        "lineage-cut-short": case(
            "verify.wrong-entry",
            replace(lineage, snapshots=lineage.snapshots[:1], gates=lineage.gates[:1]),
        ),
        "unlearning": case("accept", platform["unlearning"]),
        "unlearning-reversed": case(
            "verify.wrong-entry",
            replace(platform["unlearning"], old=platform["unlearning"].new),
        ),
        "certificate": case("accept", certificate),
        "certificate-with-receipt": case("accept", certificate, "ada"),
        "certificate-of-another": case("certificate.not-among", certificate, "bea"),
        "certificate-unsigned": case(
            "certificate.signature", replace(certificate, signature=bytes(64))
        ),
        "certificate-other-purge": case(
            "certificate.statement",
            replace(
                certificate,
                statement={**certificate.statement, "purge": {"rule": "none", "removed": []}},
            ),
        ),
        "certificate-other-gate": case(
            "verify.wrong-entry", replace(certificate, new_gate=done.logged("gate-1"))
        ),
        "certificate-other-unlearning": case(
            "verify.wrong-entry", replace(certificate, unlearning=done.logged("cessation"))
        ),
        "delta": case("accept", delta),
        "delta-nothing-changed": case(
            "map.root-mismatch", replace(delta, proof=replace(delta.proof, changes=(), siblings=()))
        ),
        "delta-other-inner": case(
            "map.root-mismatch",
            replace(
                delta,
                proof=replace(
                    delta.proof, changes=(replace(change, new_inner=derive("inner")),)
                ),
            ),
        ),
        "delta-reversed": case("verify.order", replace(delta, old=delta.new, new=delta.old)),
        "delta-siblings-left-out": case(
            "map.delta-siblings",
            replace(delta, proof=replace(delta.proof, siblings=delta.proof.siblings[1:])),
        ),
        "delta-unchanged-bucket": case(
            "map.delta-order",
            replace(
                delta,
                proof=replace(
                    delta.proof,
                    changes=(
                        replace(
                            change, new_labels=change.old_labels, new_inner=change.old_inner
                        ),
                    ),
                ),
            ),
        ),
        "disclosure": case("accept", disclosure),
        "disclosure-other-terms": case(
            "verify.terms", replace(disclosure, terms={**disclosure.terms, "may_pass_on": True})
        ),
        "cessation": case("accept", platform["cessation"]),
        "cessation-unsigned": case(
            "cessation.signature", replace(platform["cessation"], signature=bytes(64))
        ),
    }  # fmt: skip


def acknowledged_cases() -> dict[str, Case]:
    """Answers of a recipient to recalls."""
    return {
        name: {
            "expect": expect,
            "kind": "proof",
            "trust": trust_text(),
            "proof": text(encode_proof_file(proof)),
            "receipt": None,
        }
        for name, (expect, proof) in acknowledged().items()
    }


def cased_cases() -> dict[str, Case]:
    """Answers to cases over the past."""
    return {
        name: {
            "expect": expect,
            "kind": "proof",
            "trust": trust_text(),
            "proof": text(encode_proof_file(proof)),
            "receipt": None,
        }
        for name, (expect, proof) in cased().items()
    }


def _value(kind: type[Entry], name: str) -> Any:
    """Return a value that one field of a kind can hold."""
    codec = get_type_hints(kind, include_extras=True)[name].__metadata__[0]
    for value in (7, True, AT, derive(name), derive(name, 16), name):
        try:
            codec.write(value)
        except ValueError:
            continue
        return value
    raise AssertionError(name)


def entry_cases() -> dict[str, Case]:
    """Each entry of the world's log, and entries that are none."""
    cases: dict[str, Case] = {}
    done = acts()
    for index in range(done.reader.size):
        data = done.reader.logged(index).entry
        document: Any = canonical.decode(data)
        name = document["kind"].replace("/", "-")
        cases.setdefault(name, {"expect": "accept", "kind": "entry", "entry": text(data)})
    for kind in ENTRY_KINDS.values():
        name = kind.KIND.replace("/", "-")
        if name not in cases:
            data = kind(**{item.name: _value(kind, item.name) for item in fields(kind)}).encode()
            cases[name] = {"expect": "accept", "kind": "entry", "entry": text(data)}
    bad = {
        "unknown-kind": (b'{"kind":"enrolment/v2"}', "entry.unknown-kind"),
        "unknown-field": (
            b'{"commitment":"' + b"0" * 64 + b'","kind":"enrolment/v1","note":""}',
            "entry.malformed",
        ),
        "spaced": (b'{"kind": "enrolment/v1"}', "entry.malformed"),
        "too-long": (b"0" * 65_536, "entry.too-long"),
    }
    for name, (data, code) in bad.items():
        cases[name] = {"expect": code, "kind": "entry", "entry": text(data)}
    return cases


def map_cases() -> dict[str, Case]:
    """Labels, commitments and roots of the world's bucket map."""
    world = honest()
    return {
        "map": {
            "expect": "accept",
            "kind": "map",
            "k": world.maps.k,
            "epoch": world.maps.epoch.hex(),
            "root": world.maps.root.hex(),
            "secrets": {name: derive(f"secret {name}").hex() for name in ("ada", "bea", "cyd")},
            "labels": {name: world.public(name).hex() for name in ("ada", "bea", "cyd")},
            "present": {"ada": 3, "bea": 1, "cyd": 0},
            "origin": ORIGIN,
        }
    }


def vrf_cases() -> dict[str, Case]:
    """ECVRF-EDWARDS25519-SHA512-TAI: the examples of RFC 9381, and what is near them."""
    first, second = RFC9381[0], RFC9381[1]
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(bytes.fromhex(first["proof"])[48:], "little") + order

    def case(expect: str, **other: str) -> Case:
        return {"expect": expect, "kind": "vrf", **first, **other}

    return {
        **{
            f"rfc9381-{number}": {"expect": "accept", "kind": "vrf", **example}
            for number, example in enumerate(RFC9381, start=16)
        },
        "other-input": case("vrf.proof", alpha="00"),
        "other-key": case("vrf.proof", public=second["public"]),
        "other-gamma": case("vrf.proof", proof=second["proof"][:64] + first["proof"][64:]),
        "s-not-reduced": case(
            "vrf.proof", proof=first["proof"][:96] + s.to_bytes(32, "little").hex()
        ),
        "short": case("vrf.proof", proof=first["proof"][:-2]),
        "gamma-no-point": case("vrf.proof", proof="02" + "00" * 31 + first["proof"][64:]),
        "gamma-not-canonical": case(
            "vrf.proof", proof="ee" + "ff" * 30 + "7f" + first["proof"][64:]
        ),
        "key-no-point": case("vrf.key", public="02" + "00" * 31),
        "key-identity": case("vrf.key", public="01" + "00" * 31),
        "key-small-order": case(
            "vrf.key", public="26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
        ),
    }


def all_cases() -> dict[str, Case]:
    """Return every vector by its path under this folder."""
    groups = {
        "merkle": merkle_cases(),
        "note": note_cases(),
        "proof": proof_cases() | acts_cases() | acknowledged_cases() | cased_cases(),
        "entry": entry_cases(),
        "map": map_cases(),
        "vrf": vrf_cases(),
    }
    return {
        f"{group}/{name}.json": case
        for group, cases in groups.items()
        for name, case in cases.items()
    }


def write(path: str, case: Case) -> str:
    """Return a vector file's text."""
    return (
        json.dumps({"name": path.removesuffix(".json"), **case}, indent=1, ensure_ascii=True) + "\n"
    )


if __name__ == "__main__":
    for place, content in all_cases().items():
        (HERE / place).parent.mkdir(exist_ok=True)
        (HERE / place).write_text(write(place, content), encoding="ascii")
