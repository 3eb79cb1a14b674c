"""Step 7: an outsider's process checks the proofs, and refuses them once a byte is changed.

The process gets copies of the proof, the trust file and the receipt in an empty folder, and runs
`python -m byleave.verify` isolated from everything else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from byleave.demo.outcome import Outcome, Proof
from byleave.demo.story import Story
from byleave.errors import EvidenceError, WorldError

__all__ = ["check_proofs"]

DEMO_MEMBERS: Final = "demo-members.json"
STRANGER: Final = "nobody-of-this-id"


def check_proofs(o: Outcome, story: Story) -> None:
    """Answer a withdrawn member and one who never agreed; prove, check, tamper, check."""
    withdrawn = o.withdrawn[0]
    first, second = o.release_1.release, o.release_2.release
    _directory(o, story)
    for member, release, who in (
        (withdrawn, first, "The withdrawn member"),
        (withdrawn, second, "The withdrawn member"),
        (o.never, first, "The member who never agreed"),
        (o.never, second, "The member who never agreed"),
    ):
        _prove(o, story, member, release, who)
    story.figure("proofs made and accepted", str(len(o.proofs)))
    _tampered(o, story)
    _depth(o, story, withdrawn)
    links = [
        {"ordinal": o.ws.member.ordinal(withdrawn), "label": "someone who withdrew"},
        {"ordinal": o.ws.member.ordinal(o.never), "label": "someone who never agreed"},
    ]
    o.ws.write(DEMO_MEMBERS, json.dumps(links).encode())


def _directory(o: Outcome, story: Story) -> None:
    """List every member once, so that the answers hold for the person and not for one receipt."""
    try:
        name = o.ws.directory.build()
    except WorldError as error:
        if error.code != "cli.extra-missing":
            raise
        story.say("No directory of members: it needs the extra “directory”.")
        return
    kind, path = o.ws.directory.prove(STRANGER)
    verdict = _outsider(path.read_bytes(), o.ws.places.trust.read_bytes(), None)
    if not verdict["ok"] or kind != "not-enrolled":
        raise EvidenceError("a proof just made does not verify", code="verify.own-proof")
    listed = next(one for one in o.ws.directory.list() if one["directory"] == name)
    story.say(
        f"{name} lists {listed['members']:,} members, each with one enrolment, so the answers below"
        f" hold for the person, whatever receipts there are. An id that never joined is proved not"
        f" to be in it ({path.stat().st_size:,} bytes; a fresh process accepts it)."
    )


def _prove(o: Outcome, story: Story, member: str, release: str, who: str) -> None:
    kind, path = o.ws.proof.make(member, release)
    receipt = o.ws.proof.receipt(member)
    verdict = _outsider(path.read_bytes(), o.ws.places.trust.read_bytes(), receipt.read_bytes())
    if not verdict["ok"]:
        raise EvidenceError("a proof just made does not verify", code="verify.own-proof")
    counts = f", exactly {_records(verdict)} records" if kind == "presence" else ""
    sentence = f"{who}: {'in' if kind == 'presence' else 'not in'} {release}{counts}"
    story.say(f"{sentence} ({path.stat().st_size:,} bytes; a fresh process accepts it).")
    o.proofs.append(
        Proof(
            kind=kind,
            release=release,
            path=str(path.relative_to(o.ws.path)),
            receipt=str(receipt.relative_to(o.ws.path)),
            bytes=path.stat().st_size,
            sentence=f"{sentence}.",
        )
    )


def _tampered(o: Outcome, story: Story) -> None:
    """Change one byte at three places of a proof, and let the outsider name the failing check."""
    proof = next(p for p in o.proofs if p.kind == "absence")
    data = (o.ws.path / proof.path).read_bytes()
    receipt = (o.ws.path / proof.receipt).read_bytes()
    other = (o.ws.path / o.proofs[-1].receipt).read_bytes()
    trust = o.ws.places.trust.read_bytes()
    middle = data.index(b'"path":["', data.index(b'"map":{')) + 12
    digit = b"1" if data[middle : middle + 1] == b"0" else b"0"
    flipped = data[:middle] + digit + data[middle + 1 :]
    for what, verdict in (
        ("one digit changed in it", _outsider(flipped, trust, receipt)),
        ("somebody else's receipt", _outsider(data, trust, other)),
        ("another log's key", _outsider(data, _other_trust(trust), receipt)),
    ):
        failed = next((c["name"] for c in verdict["checks"] if c["state"] == "FAIL"), None)
        if verdict["ok"] or failed is None:
            raise EvidenceError("a tampered proof was accepted", code="verify.own-proof")
        story.say(f"The same proof with {what}: refused, at the check “{failed}”.")


def _depth(o: Outcome, story: Story, member: str) -> None:
    withdrawal = o.ws.member.answer(member)["withdrawals"][0]
    shown = " · ".join(f"{d['depth']}: {d['state']}" for d in withdrawal["depths"])
    story.say(f"How deep the withdrawal has reached: {shown}.")


def _outsider(proof: bytes, trust: bytes, receipt: bytes | None) -> dict[str, Any]:
    """Run the verifier in a process of its own that sees these files and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, data in (("it.proof", proof), ("trust", trust), ("receipt", receipt)):
            if data is not None:
                (place / name).write_bytes(data)
        done = subprocess.run(  # noqa: S603 (our own verifier, on our own files)
            [
                sys.executable,
                "-I",
                "-m",
                "byleave.verify",
                "it.proof",
                "--trust",
                "trust",
                *([] if receipt is None else ["--receipt", "receipt"]),
                "--json",
            ],
            cwd=place,
            env={},
            capture_output=True,
            check=False,
            timeout=60,
        )
    if done.returncode not in {0, 3}:
        raise EvidenceError("the verifier did not run", code="verify.own-proof")
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def _other_trust(trust: bytes) -> bytes:
    """Return a trust file for a log of the same name and another key."""
    from byleave.note.keys import SignerKey
    from byleave.note.trust import parse_trust

    name = parse_trust(trust).logs[0].name
    key = SignerKey(name=name, seed=bytes(32)).verifier
    return f"log {key}\nquorum none\n".encode()


def _records(verdict: dict[str, Any]) -> int:
    return int(verdict["facts"]["records"])
