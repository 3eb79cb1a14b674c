/* One verification: what is known so far, and how an entry comes to be trusted. */

// --- one verification ------------------------------------------------------------------------

const NEVER_SHOWS = "training outside this system; whose records these really were";
const ONE_SECRET =
  "that this person has no second receipt (no directory covers this answer)";
const ONE_DIRECTORY =
  "that other directories list the same enrolment (who follows the log sees every directory)";
const NO_WITNESS = "that others were shown the same log (the trust file asks for no witness)";

/** Why a check had nothing to do. */
class Skipped {
  constructor(why) {
    this.why = why;
  }
}

class Run {
  constructor(proofBytes, trustBytes, given) {
    Object.assign(this, { proofBytes, trustBytes, given });
    this.facts = {};
    this.proof = this.receipt = this.trust = this.snapshot = this.place = null;
    this.enrolment = this.directory = null;
    this.label = this.claim = "";
    this.opened = new Map();
    this.roots = new Map();
    this.origin = null;
  }

  async readProof() {
    this.proof = parseProof(this.proofBytes);
    const mark = this.proof.private ? ", private" : "";
    return `canonical, ${number(this.proofBytes.length)} bytes, ${this.proof.kind}/v1${mark}`;
  }

  async readReceipt(needed) {
    const inside = this.proof.receipt;
    if (this.given !== null && inside !== null && !same(this.given, inside))
      refuse(
        "the proof file holds a receipt, and another was given",
        "verify.two-receipts",
      );
    const data = this.given === null ? inside : this.given;
    if (data === null) {
      if (needed)
        refuse(
          "this proof speaks of a secret label: give the receipt",
          "verify.receipt-needed",
        );
      return new Skipped("no receipt given");
    }
    this.receipt = await parseReceipt(data);
    let found = `one member, ${counted(this.receipt.events.length, "consent event")}`;
    const joint = this.receipt.joint;
    if (joint) {
      this.facts.member_nonce = joint.member;
      found += `; secret made by both, your part ${short(joint.member)}`;
    }
    return inside === null ? found : `${found}; it is in the proof file`;
  }

  async readTrust() {
    this.trust = await parseTrust(this.trustBytes);
    const { logs, witnesses, quorum } = this.trust;
    const cosigners = counted(witnesses.size, "witness", "es");
    return `${counted(logs.length, "log")}, ${cosigners}, quorum ${quorum || "none"}`;
  }

  async readDigest() {
    const found = await digestOf(without(this.proof.whole, "digest"));
    if (found !== this.proof.whole.digest)
      refuse("the file was changed after it was made", "proof.digest");
    return short(found);
  }

  /** Check that an entry is in a trusted log: one log in a run, one root for a size. */
  async logged(item) {
    const text = toHex(item.checkpoint);
    if (!this.opened.has(text))
      this.opened.set(text, await checkNote(this.trust, item.checkpoint));
    const under = this.opened.get(text);
    const leaf = await leafHash(item.entry);
    if ((await rootFromInclusion(leaf, item.index, under.size, item.path)) !== under.root)
      refuse("recomputed root differs", "merkle.root-mismatch");
    if (this.origin === null) this.origin = under.origin;
    if (under.origin !== this.origin)
      refuse("entries of two logs in one proof", "verify.two-logs");
    const size = String(under.size);
    if (!this.roots.has(size)) this.roots.set(size, under.root);
    if (this.roots.get(size) !== under.root)
      refuse("the log signed two roots for one size: it was forked", "verify.fork");
    return { index: item.index, leaf, under };
  }

  async logReceipt() {
    const enrolment = await this.logged(this.receipt.enrolment);
    for (const event of this.receipt.events) await this.logged(event.logged);
    const joint = this.receipt.joint;
    if (joint && (await this.logged(joint.offer)).index >= enrolment.index)
      refuse(
        "the operator's offer stands after the enrolment it was for",
        "verify.order",
      );
    return enrolment;
  }
}

const named = (index, place, by) => {
  if (index !== place.index) wrong("an entry is not the one that another names");
  if (place.index >= by.index) after();
};
const lineageOf = (entry) => `${entry.epoch} ${entry.k} ${entry.use}`;
