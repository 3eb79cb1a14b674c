"""The verifier in the browser gives the verdict of `byleave verify`: check, code and words."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from byleave.evidence.fields import MAX_ITEMS
from byleave.evidence.proof_file import encode_proof_file
from byleave.note import KeyType, Signature, SignerKey, ml_dsa, parse_note
from byleave.note.signed import add_signatures
from byleave.pages import check
from byleave.verify import verify
from tests.browsing import new_page
from tests.portal.judges import VECTORS, Case, Judge, in_node, mutations, resealed, vectors
from tests.vectors import world

IN_PAGE = """
async (cases) => {
  const bytes = (text) =>
    text === null ? null : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const found = [];
  for (const [proof, trust, receipt] of cases)
    try {
      found.push(byleaveVerify.encode(
        await byleaveVerify.verify(bytes(proof), bytes(trust), bytes(receipt))));
    } catch (error) {
      found.push(JSON.stringify({ broken: String(error.stack) }));
    }
  return found;
}
"""
OTHER_VECTORS = """
const { internals: tools, decode } = require(process.argv[1]);
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const outcome = async (c) => {
  try {
    if (c.kind === "checkpoint") {
      const trust = await tools.parseTrust(new TextEncoder().encode(c.trust));
      await tools.checkNote(trust, bytes(c.note));
    } else if (c.kind === "entry") tools.parseEntry(bytes(c.entry), null);
    else if (c.kind === "inclusion") {
      if (c.path.some((item) => item.length !== 64)) return "merkle.hash-length";
      const args = [c.leaf, BigInt(c.index), BigInt(c.size), c.path];
      if ((await tools.rootFromInclusion(...args)) !== c.root) return "merkle.root-mismatch";
    } else if (c.kind === "vrf") {
      const [key, alpha, proof] = [c.public, c.alpha, c.proof].map(tools.fromHex);
      const output = tools.toHex(await tools.verifyVrf(key, alpha, proof));
      if (output !== c.output) return "another output";
    }
  } catch (error) {
    return error.code || String(error.stack);
  }
  return "accept";
};
(async () => {
  const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const found = [];
  for (const item of given) found.push(await outcome(item));
  console.log(JSON.stringify(found));
})();
"""


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed")
    return found


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "verify.js"
    path.write_text(check.script(), encoding="utf-8")
    return path


@pytest.fixture(
    scope="module", params=["node", pytest.param("chromium", marks=pytest.mark.browser)]
)
def judge(request: pytest.FixtureRequest, script: Path) -> Iterator[Judge]:
    """The script in Node.js, and in Chromium as the saved page opened from a disk, offline."""
    if request.param == "node":
        node: str = request.getfixturevalue("node")
        yield lambda cases: in_node(node, script, cases)
        return
    saved = script.with_name(check.SAVED_NAME)
    saved.write_text(check.saved(), encoding="utf-8")
    page = new_page(request.getfixturevalue("browser"), offline=True)
    page.goto(saved.as_uri())

    def judged(cases: Any) -> list[dict[str, Any]]:
        found = page.evaluate(IN_PAGE, [case.written() for case in cases])
        return [json.loads(text) for text in found]

    yield judged
    page.context.close()


def ours(case: Case) -> dict[str, Any]:
    """Return the verdict of the package."""
    found: dict[str, Any] = json.loads(
        json.dumps(verify(case.proof, case.trust, case.receipt).to_dict())
    )
    return found


def known(cases: list[Case]) -> list[Case]:
    """Leave out the kinds that the script says it does not check."""
    return [case for case in cases if ours(case)["kind"] not in unchecked_kinds()]


def unchecked_kinds() -> set[str]:
    """Kinds of proof that the script has no checks of."""
    text = check.script()
    claims = text[text.index("const CLAIMS = {") :]
    return {
        kind
        for kind in check.checker().kinds
        if f"{kind}: " not in claims and f'"{kind}"' not in claims
    }


def test_every_vector_has_the_same_verdict(judge: Judge) -> None:
    """On every vector both verifiers say the same: checks, codes, details, statement, facts."""
    cases = known(vectors())
    assert len(cases) >= 57
    for case, found in zip(cases, judge(cases), strict=True):
        assert found == ours(case), case.name


@pytest.mark.parametrize("seed", [1, 2])
def test_one_other_byte_has_the_same_verdict(judge: Judge, seed: int) -> None:
    """Whichever byte of proof, trust file or receipt is changed, both verifiers say the same."""
    cases = mutations(known(vectors()), 8, seed=seed)
    verdicts = [ours(case) for case in cases]
    assert len({check["code"] for verdict in verdicts for check in verdict["checks"]}) > 15
    for case, found, expected in zip(cases, judge(cases), verdicts, strict=True):
        assert found == expected or ours(case)["kind"] in unchecked_kinds(), case


def test_another_value_has_the_same_verdict(node: str, script: Path) -> None:
    """A proof in which one value is another and its digest is right gets one verdict from both."""
    cases = resealed(known(vectors()), 10, seed=3)
    for case, found in zip(cases, in_node(node, script, cases), strict=True):
        assert found == ours(case) or ours(case)["kind"] in unchecked_kinds(), case


@pytest.mark.parametrize(("commas", "code"), [(MAX_ITEMS - 200, None), (MAX_ITEMS, "malformed")])
def test_a_crowded_file_has_the_same_verdict(
    node: str, script: Path, monkeypatch: pytest.MonkeyPatch, commas: int, code: str | None
) -> None:
    """Both verifiers count commas and brackets alike, in proof and receipt, within strings too."""
    plain = world.event_of
    monkeypatch.setattr(world, "event_of", lambda m: {**plain(m), "remark": "," * commas})
    platform = world.honest()
    trust = world.trust_text().encode()
    receipt = platform.receipt("bea").encode()
    cases = [
        Case("proof", encode_proof_file(platform.consent_event("bea")), trust, None),
        Case("receipt", encode_proof_file(platform.absence("cyd")), trust, receipt),
    ]
    for case, found in zip(cases, in_node(node, script, cases), strict=True):
        assert found == ours(case), case.name
        failed = [check["code"] for check in found["checks"] if check["code"]]
        other = [] if case.name == "proof" else ["verify.label"]
        assert failed == (other if code is None else [f"{case.name}.{code}"])


def test_without_the_browsers_ed25519_the_verdicts_are_the_same(node: str, script: Path) -> None:
    """A browser without Ed25519 gets the same verdicts from the script's own arithmetic."""
    cases = known(vectors())
    for case, found in zip(cases, in_node(node, script, cases, own=True), strict=True):
        assert found == ours(case), case.name


def test_the_other_vectors_hold(node: str, script: Path) -> None:
    """Checkpoints, entries, inclusion and VRF vectors are accepted, or refused by their code."""
    names = ["note/checkpoint*", "entry/*", "merkle/inclusion*", "vrf/*"]
    paths = [path for name in names for path in sorted(VECTORS.glob(f"{name}.json"))]
    cases = [json.loads(path.read_text(encoding="ascii")) for path in paths]
    ran = subprocess.run(
        [node, "-e", OTHER_VECTORS, str(script)],
        input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    told = dict(zip([path.stem for path in paths], found, strict=True))
    assert told == {path.stem: case["expect"] for path, case in zip(paths, cases, strict=True)}


@pytest.mark.skipif(not ml_dsa.available(), reason="the installed cryptography has no ML-DSA-44")
def test_a_signature_that_no_browser_can_check_is_not_passed(node: str, script: Path) -> None:
    """A quorum that rests on an ML-DSA-44 witness holds in the package, and is not passed here."""
    case = next(case for case in vectors() if case.name == "lineage")
    cosigner = SignerKey(name="w.test.invalid", type=KeyType.ML_DSA_44, seed=bytes([7]) * 32)
    document = json.loads(case.proof)
    for entry in document["entries"].values():
        head, _, checkpoint = entry["proof"].partition("\n\n")
        note = parse_note(checkpoint.encode())
        payload = cosigner.sign(note.text, seconds=1_700_000_000)
        line = Signature(name=cosigner.name, key_id=cosigner.verifier.key_id, payload=payload)
        signed = add_signatures(note.text, [*note.signatures, line])
        entry["proof"] = f"{head}\n\n{signed.decode()}"
    proof = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    trust = case.trust.replace(b"quorum none", f"witness W {cosigner.verifier}\nquorum W".encode())
    changed = replace(case, proof=proof.encode(), trust=trust)
    assert ours(changed)["checks"][3]["state"] == "ok"
    [found] = in_node(node, script, [changed])
    assert not found["ok"]
    assert found["unchecked"]
    assert found["statement"].startswith("not checked here: ")
    assert found["statement"].endswith("run: byleave verify")
    assert found["facts"] == {}


def test_a_kind_without_checks_here_is_not_passed(node: str, tmp_path: Path) -> None:
    """A kind of proof that the package knows and the script does not is "not checked here"."""
    [case] = [case for case in vectors() if case.name == "delta"]
    path = tmp_path / "verify.js"
    path.write_text(
        check.script().replace("  delta(document", "  other(document"), encoding="utf-8"
    )
    [found] = in_node(node, path, [case])
    assert (found["ok"], found["unchecked"]) == (False, True)
    assert "kind delta" in found["statement"]


def test_the_page_may_run_its_two_scripts_and_no_other_page_may(client: TestClient) -> None:
    """Scripts are allowed on the checking page alone, from this site alone, and none inline."""
    answer = client.get("/check")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.text.count("<script ") == 2
    assert "script-src" not in client.get("/").headers["content-security-policy"]
    assert "script-src" not in client.get("/check.json").headers["content-security-policy"]


def test_the_saved_page_can_send_nothing() -> None:
    """The saved file allows its own two scripts by digest, and no connection, form or image."""
    page = check.saved()
    policy = page.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert policy.count("sha256-") == 3
    assert "form-action &#39;none&#39;" in policy
    assert "http" not in policy
    assert "connect-src" not in policy
    assert ' src="' not in page
    assert ' href="http' not in page


def test_the_twin_states_the_digests(client: TestClient) -> None:
    """The JSON twin names the SHA-256 of the file that is handed out, and each script is there."""
    twin = client.get("/check.json").json()["check"]
    file = client.get(f"/check/{twin['saved']}")
    assert hashlib.sha256(file.content).hexdigest() == twin["saved_sha256"]
    assert "attachment" in file.headers["content-disposition"]
    for name in twin["scripts"]:
        assert client.get(f"/check/{name}").headers["content-type"].startswith("text/javascript")
    assert client.get("/check/verify.js").status_code == 404


def test_the_page_tells_what_to_do_without_scripts(client: TestClient) -> None:
    """Without JavaScript the page says so, and how to check on one's own machine."""
    page = client.get("/check").text
    assert '<form class="ask card" id="check-form" hidden' in page
    assert "This page needs JavaScript" in page
    assert "byleave verify my.proof" in page
