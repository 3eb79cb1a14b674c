/* Checks of a certificate of unlearning. */

const removedLabels = (proof) => movedLabels(proof.map).removed;
const labelsDigest = (labels) => sha256(fromHex(labels.join("")));
const certificateSide = (index, release, snapshot) => ({
  release: release.release,
  index,
  model: release.model,
  snapshot: {
    index: release.snapshot,
    root: snapshot.root,
    records: snapshot.records,
    members: snapshot.members,
  },
});
const inForm = (statement) => {
  try {
    const names = "format from heard origin purge stated taken_out to unlearning".split(" ");
    exactly(statement, names);
    INSTANT(statement.stated);
    const purge = exactly(statement.purge, ["removed", "rule"]);
    TEXT(purge.rule);
    for (const item of array(purge.removed, 1 << 16)) {
      const file = exactly(item, ["name", "sha256"]);
      TEXT(file.name);
      HEX32(file.sha256);
    }
    return statement.format === "byleave-certificate/v1";
  } catch (error) {
    if (error instanceof Bad) return false;
    throw error;
  }
};
const CERTIFICATE = {
  steps: [
    async (run, { certificate, unlearning }) => {
      const place = await run.logged(certificate);
      const entry = parseEntry(certificate.entry, "certificate/v1");
      if (entry.unlearning !== unlearning.index)
        wrong("the certificate is of another unlearning");
      if (entry.unlearning >= place.index) after();
      run.facts.certificate_index = place.index;
      return where(place);
    },
    checkUnlearning,
    async (run, proof) => {
      const found = await checkReleases(run, proof);
      const [old, fresh] = [releaseOf(proof.old), releaseOf(proof.new)];
      if (!(old.exact && fresh.exact))
        refuse("an approximate release has a certificate", "certificate.approximate");
      if (old.trainer !== fresh.trainer) wrong("the releases are of two trainers");
      return `${found}, both exact, by ${fresh.trainer}`;
    },
    checkChange,
    async (run, proof) => {
      const snapshot = snapshotOf(proof.newSnapshot);
      const gate = gateOf(proof.newGate);
      const place = await run.logged(proof.newGate);
      if (place.index !== snapshot.gate || gate.use !== snapshot.use)
        wrong("this is not the new snapshot's gate");
      if (place.index >= proof.newSnapshot.index || gate.ledger > place.index) after();
      run.facts.heard = gate.ledger;
      return `every choice up to log entry ${number(gate.ledger)} was heard`;
    },
    async (run, proof) => {
      const [old, fresh] = [snapshotOf(proof.oldSnapshot), snapshotOf(proof.newSnapshot)];
      const shown = await verifyDelta(proof.map, fresh.k, old.root, fresh.root);
      const left = shown.removed.length;
      if (shown.added.length || old.members - fresh.members !== BigInt(left))
        refuse(
          "the labels that left do not account for the numbers of members",
          "certificate.statement",
        );
      run.facts.labels_taken_out = left;
      return (
        `${counted(shown.buckets, "bucket")} changed, ${counted(left, "label")} left,` +
        " none came, nothing else did"
      );
    },
    async (run, proof) => {
      const { statement } = proof;
      const entry = parseEntry(proof.certificate.entry, "certificate/v1");
      if ((await digestOf(statement)) !== entry.statement || !inForm(statement))
        refuse(
          "the statement is not the one that the certificate's log entry is of",
          "certificate.statement",
        );
      if (!(await signedDocument(statement, "certificate", proof.signature, entry.signer)))
        refuse(
          "the certificate is not signed by the key in its log entry",
          "certificate.signature",
        );
      const [old, fresh] = [releaseOf(proof.old), releaseOf(proof.new)];
      const [oldSnapshot, newSnapshot] = [
        snapshotOf(proof.oldSnapshot),
        snapshotOf(proof.newSnapshot),
      ];
      const unlearning = parseEntry(proof.unlearning.entry, "unlearning/v1");
      const labels = removedLabels(proof);
      const sum = await labelsDigest(labels);
      const expected = {
        format: "byleave-certificate/v1",
        origin: run.facts.origin,
        stated: statement.stated,
        heard: gateOf(proof.newGate).ledger,
        unlearning: {
          index: proof.unlearning.index,
          method: "exact",
          trainer: fresh.trainer,
          model: unlearning.model,
          refit: unlearning.refit,
        },
        from: certificateSide(unlearning.from, old, oldSnapshot),
        to: certificateSide(unlearning.to, fresh, newSnapshot),
        taken_out: {
          records: oldSnapshot.records - newSnapshot.records,
          labels: labels.length,
          sha256: sum,
        },
        purge: statement.purge,
      };
      if (encode(expected) !== encode(statement))
        refuse(
          "the certificate states what the log entries do not",
          "certificate.statement",
        );
      Object.assign(run.facts, { purge: statement.purge, labels_sha256: sum });
      const files = counted(statement.purge.removed.length, "file");
      return `signed by key ${short(entry.signer)}, which the entry names; ${files} removed`;
    },
    async (run, proof) => {
      if (!run.receipt) return new Skipped("no receipt given");
      enrolledBefore(await run.logReceipt(), proof.oldSnapshot.index);
      const epoch = snapshotOf(proof.newSnapshot).epoch;
      const label = (await labelOf(run.receipt.secret, epoch)).slice(0, 32);
      if (!removedLabels(proof).includes(label))
        refuse(
          "this receipt's label is not among those taken out: ask for a proof of absence or" +
            " presence",
          "certificate.not-among",
        );
      run.label = label;
      run.facts.label = label;
      return `${label}, recomputed from the receipt's secret, is among those taken out`;
    },
  ],
  statement: (run, { statement: stated }) => {
    const fit =
      stated.unlearning.refit !== null
        ? "the platform fitted without them too and got the same bytes"
        : "the platform fitted nothing to compare with";
    const whose = run.receipt ? "; every record of this receipt's holder is among them" : "";
    return (
      `release ${stated.from.release} was unlearned exactly into ${stated.to.release}:` +
      ` ${counted(stated.taken_out.records, "record")} and` +
      ` ${counted(stated.taken_out.labels, "label")} taken out, nothing else changed;` +
      ` ${fit}${whose}`
    );
  },
  limits: () => [
    NEVER_SHOWS,
    "that fitting without the rows gives these bytes (refit the release to see)",
    "that the purged files are gone from backups, or the old model from those who have it",
  ],
};
