/* Which kind has which checks, and the verdict. */

const CLAIMS = {
  absence: ABSENCE,
  acknowledgement: ACKNOWLEDGEMENT,
  case: CASE,
  certificate: CERTIFICATE,
  cessation: CESSATION,
  "consent-event": CONSENT_EVENT,
  delta: DELTA,
  disclosure: DISCLOSURE,
  enrolled: ENROLLED,
  lineage: LINEAGE,
  "not-enrolled": NOT_ENROLLED,
  presence: PRESENCE,
  record: RECORD,
  unlearning: UNLEARNING,
};

// --- the verdict -----------------------------------------------------------------------------

const NOT_RUN = "not run";
const UNCHECKED = "not checked here";

class Checks {
  constructor() {
    this.list = [];
    this.stopped = false;
  }

  async step(name, check) {
    const entry = { number: this.list.length + 1, name, state: "not-run", detail: NOT_RUN, code: null };
    this.list.push(entry);
    if (this.stopped) return;
    try {
      const found = await check();
      const isSkipped = found instanceof Skipped;
      entry.state = isSkipped ? "not-run" : "ok";
      entry.detail = isSkipped ? found.why : found;
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // a fault of this program: no verdict
      entry.state = error instanceof Unable ? "unchecked" : "FAIL";
      entry.detail = error.message;
      entry.code = error.code;
      this.stopped = true;
    }
  }
}

const finish = (run, checks) => {
  const halted = checks.list.find((check) => check.state === "FAIL" || check.state === "unchecked");
  const claim = run.proof === null ? null : CLAIMS[run.proof.kind];
  const isOk = !halted && claim !== null && checks.list.length > 3;
  const limits = claim === null ? [NEVER_SHOWS] : claim.limits(run);
  if (run.trust === null || run.trust.quorum === null) limits.push(NO_WITNESS);
  const verdict = {
    schema: "byleave/verdict/v1",
    ok: isOk,
    kind: run.proof === null ? "unknown" : run.proof.kind,
    statement: isOk ? claim.statement(run, run.proof) : `${halted.name}: ${halted.detail}`,
    checks: checks.list,
    does_not_show: limits.join("; "),
    facts: isOk ? run.facts : {},
    exit_code: isOk ? 0 : 3,
  };
  if (halted && halted.state === "unchecked") {
    verdict.unchecked = true;
    verdict.statement = `${UNCHECKED}: ${halted.detail}; run: byleave verify`;
  }
  return verdict;
};

/** Check a proof file; whatever the bytes are, the promise holds a verdict. */
const verify = async (proofBytes, trustBytes, receiptBytes = null) => {
  if (!root.crypto || !root.crypto.subtle)
    throw new Error("this browser offers no WebCrypto here: open the saved page, or use https");
  const run = new Run(proofBytes, trustBytes, receiptBytes);
  const checks = new Checks();
  await checks.step("proof file", () => run.readProof());
  if (run.proof === null) {
    await checks.step("receipt", null);
    await checks.step("trust file", null);
    return finish(run, checks);
  }
  const claim = CLAIMS[run.proof.kind];
  const names = CHECKS.get(run.proof.kind) || [];
  if (names.length !== claim.steps.length) throw new Error("this page is not of one version");
  const isNeeded = claim.needsReceipt ? claim.needsReceipt(run.proof) : false;
  await checks.step("receipt", () => run.readReceipt(isNeeded));
  await checks.step("trust file", () => run.readTrust());
  for (const [at, step] of claim.steps.entries())
    await checks.step(names[at], () => step(run, run.proof));
  await checks.step("digest", () => run.readDigest());
  return finish(run, checks);
};
