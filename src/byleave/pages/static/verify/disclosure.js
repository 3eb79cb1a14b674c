/* Checks of what went to others: disclosure, cessation, acknowledgement. */

/** Check an Ed25519 signature over DSSE's encoding of a document's bytes. */
const signedDocument = (document, kind, signature, key) => {
  const type = `application/vnd.byleave.${kind}+json`;
  const data = encoded(document);
  const head = utf8.encode(`DSSEv1 ${type.length} ${type} ${data.length} `);
  return signed(fromHex(key), fromHex(signature), join([head, data]));
};

const DISCLOSURE = {
  steps: [
    async (run, proof) => {
      const place = await run.logged(proof.disclosure);
      const entry = parseEntry(proof.disclosure.entry, "disclosure/v1");
      const snapshot = snapshotOf(proof.snapshot);
      named(entry.snapshot, await run.logged(proof.snapshot), place);
      run.place = place;
      run.snapshot = snapshot;
      Object.assign(run.facts, {
        disclosure: entry.disclosure,
        disclosure_index: place.index,
        recipient: entry.recipient,
        use: entry.use,
        snapshot: snapshot.snapshot,
        records: snapshot.records,
        origin: place.under.origin,
      });
      return `${entry.disclosure} of ${snapshot.snapshot}: ${where(place)}`;
    },
    async (run, { disclosure, terms }) => {
      const entry = parseEntry(disclosure.entry, "disclosure/v1");
      if ((await digestOf(terms)) !== entry.terms)
        refuse("the terms are not the logged ones", "verify.terms");
      // the logged snapshot is an index, the terms' one too: numbers are compared as numbers
      const stated = ["disclosure", "recipient", "snapshot", "use"].every((name) => {
        const value = own(terms, name);
        return typeof value === "number" ? BigInt(value) === entry[name] : value === entry[name];
      });
      if (!stated) refuse("the terms are of another disclosure", "verify.terms");
      run.facts.terms = terms;
      return `terms ${short(entry.terms)}`;
    },
    async (run, proof) => {
      let before = -1n;
      for (const logged of proof.recalls) {
        const place = await run.logged(logged);
        named(parseEntry(logged.entry, "recall/v1").disclosure, run.place, place);
        if (place.index <= before)
          refuse("recalls are not in the order of the log", "verify.order");
        before = place.index;
      }
      run.facts.recalls = proof.recalls.map((item) => item.index);
      return counted(proof.recalls.length, "recall");
    },
  ],
  statement: ({ facts }, { recalls }) =>
    `${facts.disclosure} (${number(facts.records)} records) was offered to ${facts.recipient}` +
    ` for ${facts.use} under these terms, and recalled ${counted(recalls.length, "time")}`,
  limits: () => [
    "that the package was fetched, or what the recipient did with it",
    "that no further recall was ordered; that nothing was handed over outside this system",
  ],
};

const CESSATION = {
  steps: [
    async (run, { cessation }) => {
      const place = await run.logged(cessation);
      const entry = parseEntry(cessation.entry, "cessation/v1");
      if (entry.first > place.index || ordered(entry.since) > ordered(entry.stated))
        refuse("the statement is about what comes after it", "verify.order");
      run.place = place;
      Object.assign(run.facts, {
        cessation_index: place.index,
        use: entry.use,
        since: entry.since,
        first: entry.first,
        stated: entry.stated,
        origin: place.under.origin,
      });
      return where(place);
    },
    async (run, { cessation, statement, signature }) => {
      const entry = parseEntry(cessation.entry, "cessation/v1");
      const names = ["first", "format", "operator", "origin", "since", "stated", "use"];
      const matches =
        Object.keys(statement).sort().join() === names.join() &&
        (await digestOf(statement)) === entry.statement &&
        statement.format === "byleave-cessation/v1" &&
        statement.origin === run.facts.origin &&
        statement.use === entry.use &&
        typeof statement.first === "number" &&
        BigInt(statement.first) === entry.first &&
        statement.since === entry.since &&
        statement.stated === entry.stated &&
        typeof statement.operator === "string";
      if (!matches)
        refuse(
          "the statement is not the one that the log entry is of",
          "cessation.statement",
        );
      if (!(await signedDocument(statement, "cessation", signature, entry.signer)))
        refuse(
          "the statement is not signed by the key in the log entry",
          "cessation.signature",
        );
      run.facts.operator = statement.operator;
      return `signed by key ${short(entry.signer)}, which the entry names`;
    },
  ],
  statement: ({ facts }) =>
    `${facts.operator} stated on ${facts.stated}, signed and logged: no processing under` +
    ` ${facts.use} since ${facts.since} (log entries ${number(facts.first)} to` +
    ` ${number(facts.cessation_index)})`,
  limits: () => [
    "that it is true (one gate or disclosure of this use between those entries refutes it)",
    "what was done outside this system; that models trained before are no longer used",
  ],
};

const ACKNOWLEDGEMENT = {
  steps: [
    async (run, proof) => {
      const place = await run.logged(proof.acknowledgement);
      const answer = parseEntry(proof.acknowledgement.entry, "acknowledgement/v1");
      const recall = parseEntry(proof.recall.entry, "recall/v1");
      const packed = parseEntry(proof.packed.entry, "package/v1");
      const key = parseEntry(proof.key.entry, "recipient-key/v1");
      const disclosure = parseEntry(proof.disclosure.entry, "disclosure/v1");
      const recalled = await run.logged(proof.recall);
      const packedAt = await run.logged(proof.packed);
      named(answer.recall, recalled, place);
      named(answer.key, await run.logged(proof.key), place);
      const offered = await run.logged(proof.disclosure);
      named(recall.disclosure, offered, recalled);
      named(packed.disclosure, offered, packedAt);
      if (key.recipient !== disclosure.recipient) wrong("the keys are another recipient's");
      run.place = place;
      Object.assign(run.facts, {
        disclosure: disclosure.disclosure,
        recipient: disclosure.recipient,
        rows: packed.rows,
        recall_index: recalled.index,
        acknowledgement_index: place.index,
        origin: place.under.origin,
      });
      return `${disclosure.disclosure}, recall entry ${number(recalled.index)}: ${where(place)}`;
    },
    async (run, { recall, packed, order }) => {
      const entry = parseEntry(recall.entry, "recall/v1");
      const header = parseEntry(packed.entry, "package/v1").header;
      if ((await digestOf(order)) !== entry.order || order.package !== header)
        wrong("the order is not the one of this recall of this package");
      run.facts.recalled = order.labels.length;
      return `order ${short(entry.order)}: ${counted(order.labels.length, "row")}`;
    },
    async (run, proof) => {
      const answer = parseEntry(proof.acknowledgement.entry, "acknowledgement/v1");
      const key = parseEntry(proof.key.entry, "recipient-key/v1");
      const { statement: said, order } = proof;
      const isLogged =
        (await digestOf(said)) === answer.statement &&
        said.before === answer.before &&
        said.after === answer.after &&
        BigInt(said.deleted) === answer.deleted;
      if (!isLogged) wrong("the statement is not the logged one");
      const answers =
        said.package === order.package &&
        said.order === (await digestOf(order)) &&
        said.recipient === key.recipient &&
        said.key === key.key;
      if (!answers) wrong("the statement answers another order, or is another recipient's");
      if (!(await signedDocument(said, "acknowledgement", proof.signature, key.key)))
        refuse(
          "a document is not signed by the key that it has to be",
          "disclosure.signature",
        );
      Object.assign(run.facts, { held: said.held, deleted: said.deleted, at: said.at });
      return `signed by key ${short(key.key)}, which the log names`;
    },
    async (run, proof) => {
      const { statement: said, order, map } = proof;
      const packed = parseEntry(proof.packed.entry, "package/v1");
      if (BigInt(said.k) !== packed.k) wrong("the map is of another size than the package's");
      const shown = await verifyDelta(map, BigInt(said.k), said.before, said.after);
      const wanted = said.held ? order.labels : [];
      const exact = encode(shown.removed) === encode(wanted) && !shown.added.length;
      if (!exact || said.deleted !== wanted.length)
        refuse(
          "what changed between the two roots is not what the order names",
          "disclosure.roots",
        );
      if (map.changes.some((change) => change.old.inner === change.new.inner))
        refuse("a bucket lost a row and its hash stayed", "disclosure.roots");
      run.facts.buckets = shown.buckets;
      return (
        `${counted(shown.removed.length, "row")} left, in ${counted(shown.buckets, "bucket")};` +
        ` root ${short(said.before)} to ${short(said.after)}`
      );
    },
    async (run, proof) => {
      const packed = parseEntry(proof.packed.entry, "package/v1");
      let newer = proof.acknowledgement;
      for (const logged of proof.earlier) {
        const entry = parseEntry(newer.entry, "acknowledgement/v1");
        const older = parseEntry(logged.entry, "acknowledgement/v1");
        named(entry.previous, await run.logged(logged), await run.logged(newer));
        if (older.after !== entry.before)
          refuse(
            "an answer does not begin where the one before it ended",
            "disclosure.roots",
          );
        newer = logged;
      }
      const first = parseEntry(newer.entry, "acknowledgement/v1");
      if (first.previous !== null || first.before !== packed.root)
        refuse(
          "the answers do not begin with the package that was handed over",
          "disclosure.roots",
        );
      const earlier = counted(proof.earlier.length, "earlier answer");
      return `${earlier}, from root ${short(packed.root)} on`;
    },
  ],
  statement: ({ facts }, { statement, order }) => {
    const did = statement.held
      ? `deleted ${counted(statement.deleted, "row")} of ${facts.disclosure}`
      : `never held ${facts.disclosure}`;
    return (
      `${facts.recipient} stated on ${facts.at}, signed and logged, that it ${did}: exactly the` +
      ` ${counted(order.labels.length, "row")} recalled by log entry ${number(facts.recall_index)}`
    );
  },
  limits: () => [
    "that no other copy is left; that what stayed in a changed bucket stayed as it was",
    "who asked for it, or whose rows these are",
  ],
};
