/* Receipts, and how each kind of proof file is read (docs/spec/proof-file.md). */

// --- receipts --------------------------------------------------------------------------------

const MAX_BYTES = 1 << 24;
const isMember = (value) =>
  typeof value === "string" && value !== "" && utf8.encode(value).length <= 1024;
const checkEvent = async (event) => {
  const entry = parseEntry(event.logged.entry, "consent-event/v1");
  if ((await tagged(0x21, fromHex(event.salt), encoded(event.event))) !== entry.commitment)
    refuse("the log entry commits to another consent event", "receipt.commitment");
};
const parseReceipt = async (bytes) => {
  if (bytes.length > MAX_BYTES) refuse("the receipt is over 16 MiB", "proof.too-large");
  const receipt = reading(
    () => {
      const found = decode(bytes);
      const joint = isObject(found) && Object.hasOwn(found, "joint");
      const names = ["enrolment", "events", "format", "member", "secret"];
      const document = exactly(found, joint ? [...names, "joint"] : names);
      if (document.format !== "byleave-receipt/v1" || !isMember(document.member)) bad();
      return {
        member: document.member,
        secret: HEX32(document.secret),
        enrolment: readLogged(document.enrolment),
        events: array(document.events, 10000).map((item) => {
          const event = exactly(item, ["entry", "event", "proof", "salt"]);
          if (!isObject(event.event)) bad();
          return { event: event.event, salt: HEX32(event.salt), logged: loggedOf(event) };
        }),
        joint: joint ? readJoint(document.joint) : null,
      };
    },
    "not a byleave-receipt/v1 in its one encoding",
    "receipt.malformed",
  );
  const enrolment = parseEntry(receipt.enrolment.entry, "enrolment/v1");
  const committed = await tagged(0x20, fromHex(receipt.secret), utf8.encode(receipt.member));
  if (committed !== enrolment.commitment)
    refuse("the enrolment entry commits to another member or secret", "receipt.commitment");
  if (receipt.joint) await checkJoint(receipt.joint, receipt.secret);
  for (const event of receipt.events) {
    if (own(event.event, "member") !== receipt.member)
      refuse("an event of another member", "receipt.commitment");
    await checkEvent(event);
  }
  return receipt;
};
const readJoint = (value) => {
  const document = exactly(value, ["member", "offer", "operator"]);
  const operator = HEX32(document.operator);
  return { operator, member: HEX32(document.member), offer: readLogged(document.offer) };
};
const checkJoint = async (joint, secret) => {
  const offer = parseEntry(joint.offer.entry, "enrolment-offer/v1");
  if ((await tagged(0x26, fromHex(joint.operator))) !== offer.commitment)
    refuse("the offer commits to another nonce", "receipt.joint");
  if ((await tagged(0x27, fromHex(joint.operator), fromHex(joint.member))) !== secret)
    refuse("the secret is not made of these nonces", "receipt.joint");
};

// --- how each kind of file is read -----------------------------------------------------------

const digests = (value, read, most) => every(value, read, most);
const readAbsence = (value) => {
  const found = exactly(value, ["inner", "labels", "path"]);
  return {
    labels: digests(found.labels, HEX16, MAX_BUCKET),
    inner: HEX32(found.inner),
    path: digests(found.path, HEX32, MAX_K),
  };
};
const readListed = (value) => {
  const found = exactly(value, ["commitments", "labels", "path", "vrf"]);
  return {
    vrf: VRF(found.vrf),
    labels: digests(found.labels, HEX16, MAX_BUCKET),
    commitments: digests(found.commitments, HEX32, MAX_BUCKET),
    path: digests(found.path, HEX32, MAX_K),
  };
};
const without = (value, name) => {
  const rest = { ...value };
  delete rest[name];
  return rest;
};
/** Return a document without its directory's part, and that part. */
const splitDirectory = (document) => {
  if (!Object.hasOwn(document, "directory")) return [document, null];
  const found = readListed(document.directory);
  const rest = without(document, "directory");
  if (!isObject(own(rest, "entries")) || !Object.hasOwn(rest.entries, "directory")) bad();
  const entry = readLogged(rest.entries.directory);
  rest.entries = without(rest.entries, "directory");
  return [rest, { entry, listed: found }];
};
const noReceipt = (receipt) => {
  if (receipt !== null) bad();
};
const numbered = (kind, count) => Array.from({ length: count }, (_, at) => `${kind}-${at}`);
const howMany = (entries, less) => {
  if (!isObject(entries)) bad();
  return Object.keys(entries).length - less;
};
const MEMBER = (value) => (isMember(value) ? value : bad());
const OBJECT = (value) => (isObject(value) ? value : bad());

const readOrder = (value) =>
  reading(
    () => {
      const names = ["format", "package", "number", "labels", "at", "due", "parent"];
      const found = exactly(value, names);
      if (found.format !== "byleave-recall/v1") bad();
      const labels = every(found.labels, HEX16, 10000);
      HEX32(found.package);
      COUNT(found.number);
      INSTANT(found.at);
      INSTANT(found.due);
      if (found.parent !== null) HEX32(found.parent);
      if (!labels.length || !ascends(labels)) bad();
      return found;
    },
    "not an order of a recall",
    "disclosure.package",
  );
const readStatement = (value) =>
  reading(
    () => {
      const names =
        "format package order recipient key held deleted k before after at onward".split(" ");
      const found = exactly(value, names);
      if (found.format !== "byleave-acknowledgement/v1") bad();
      for (const name of ["package", "order", "key", "before", "after"]) HEX32(found[name]);
      TEXT(found.recipient);
      FLAG(found.held);
      COUNT(found.deleted);
      COUNT(found.k);
      INSTANT(found.at);
      every(found.onward, HEX32, 1000);
      return found;
    },
    "not an acknowledgement",
    "disclosure.package",
  );

const READERS = {
  absence(given) {
    const [document, directory] = splitDirectory(given);
    exactly(document, ["entries", "map"]);
    const [release, snapshot] = readEntries(document.entries, "release", "snapshot");
    let found = document.map;
    let label = null;
    if (isObject(found) && Object.hasOwn(found, "label")) {
      label = HEX16(found.label);
      found = without(found, "label");
    }
    return { release, snapshot, map: readAbsence(found), label, directory };
  },
  acknowledgement(document, receipt) {
    exactly(document, ["entries", "map", "order", "signature", "statement"]);
    noReceipt(receipt);
    const names = ["disclosure", "package", "key", "recall", "acknowledgement"];
    const count = howMany(document.entries, names.length);
    if (count < 0 || count > 1000) bad();
    const found = readEntries(document.entries, ...names, ...numbered("earlier", count));
    const [disclosure, packed, key, recall, acknowledgement, ...earlier] = found;
    const order = readOrder(document.order);
    const statement = readStatement(document.statement);
    const signature = SIGNATURE(document.signature);
    const map = parseDelta(document.map);
    return { disclosure, packed, key, recall, acknowledgement, earlier, order, statement, signature, map };
  },
  case(document, receipt) {
    exactly(document, ["entries", "statement"]);
    noReceipt(receipt);
    const [logged] = readEntries(document.entries, "case");
    OBJECT(document.statement);
    return { case: logged, statement: document.statement };
  },
  certificate(document, receipt) {
    exactly(document, ["entries", "map", "signature", "statement"]);
    noReceipt(receipt);
    OBJECT(document.statement);
    const [certificate, unlearning, old, oldSnapshot, fresh, newSnapshot, newGate] = readEntries(
      document.entries,
      "certificate",
      "unlearning",
      "from",
      "from-snapshot",
      "to",
      "to-snapshot",
      "to-gate",
    );
    const signature = SIGNATURE(document.signature);
    const map = parseDelta(document.map);
    const statement = document.statement;
    return { certificate, unlearning, old, oldSnapshot, new: fresh, newSnapshot, newGate, statement, signature, map };
  },
  cessation(document, receipt) {
    exactly(document, ["entries", "signature", "statement"]);
    noReceipt(receipt);
    const [cessation] = readEntries(document.entries, "cessation");
    OBJECT(document.statement);
    return { cessation, statement: document.statement, signature: SIGNATURE(document.signature) };
  },
  "consent-event"(document) {
    exactly(document, ["entries", "event", "salt"]);
    const [logged] = readEntries(document.entries, "event");
    OBJECT(document.event);
    return { event: { event: document.event, salt: HEX32(document.salt), logged } };
  },
  delta(document, receipt) {
    exactly(document, ["entries", "map"]);
    noReceipt(receipt);
    const [old, fresh] = readEntries(document.entries, "old", "new");
    return { old, new: fresh, map: parseDelta(document.map) };
  },
  disclosure(document, receipt) {
    exactly(document, ["entries", "terms"]);
    noReceipt(receipt);
    const count = howMany(document.entries, 2);
    if (count > 1000) bad();
    OBJECT(document.terms);
    const names = numbered("recall", Math.max(count, 0));
    const [disclosure, snapshot, ...recalls] = readEntries(
      document.entries,
      "disclosure",
      "snapshot",
      ...names,
    );
    return { disclosure, snapshot, terms: document.terms, recalls };
  },
  enrolled(document) {
    exactly(document, ["entries", "listed", "member"]);
    const [directory, enrolment] = readEntries(document.entries, "directory", "enrolment");
    const member = MEMBER(document.member);
    return { directory, enrolment, member, listed: readListed(document.listed) };
  },
  lineage(document, receipt) {
    exactly(document, ["entries"]);
    noReceipt(receipt);
    const count = Math.floor(howMany(document.entries, 2) / 2);
    if (count < 1 || count > 1000) bad();
    const names = [...numbered("snapshot", count), ...numbered("gate", count)];
    const [release, recipe, ...found] = readEntries(
      document.entries,
      "release",
      "recipe",
      ...names,
    );
    return { release, recipe, snapshots: found.slice(0, count), gates: found.slice(count) };
  },
  "not-enrolled"(document) {
    exactly(document, ["entries", "map", "member", "vrf"]);
    const [directory] = readEntries(document.entries, "directory");
    const member = MEMBER(document.member);
    return { directory, member, vrf: VRF(document.vrf), map: readAbsence(document.map) };
  },
  presence(given) {
    const [document, directory] = splitDirectory(given);
    exactly(document, ["entries", "map"]);
    const [release, snapshot] = readEntries(document.entries, "release", "snapshot");
    const found = exactly(document.map, ["commitments", "labels", "path", "records"]);
    const map = {
      labels: digests(found.labels, HEX16, MAX_BUCKET),
      commitments: digests(found.commitments, HEX32, MAX_BUCKET),
      records: array(found.records, 1 << 16).map(readRecord),
      path: digests(found.path, HEX32, MAX_K),
    };
    return { release, snapshot, map, directory };
  },
  record(given) {
    const [document, directory] = splitDirectory(given);
    const names = ["entries", "map", "place", "record"];
    const entries = ["release", "snapshot"];
    if (Object.hasOwn(document, "label")) {
      names.push("label");
      entries.push("enrolment");
    }
    exactly(document, names);
    const [release, snapshot, enrolment] = readEntries(document.entries, ...entries);
    const found = exactly(document.map, ["commitments", "labels", "path"]);
    const place = exactly(document.place, ["index", "of", "path"]);
    return {
      release,
      snapshot,
      labelled: enrolment ? { label: HEX32(document.label), enrolment } : null,
      labels: digests(found.labels, HEX16, MAX_BUCKET),
      commitments: digests(found.commitments, HEX32, MAX_BUCKET),
      path: digests(found.path, HEX32, MAX_K),
      record: readRecord(document.record),
      index: COUNT(place.index),
      of: COUNT(place.of),
      siblings: digests(place.path, HEX32, 32),
      directory,
    };
  },
  unlearning(document, receipt) {
    exactly(document, ["entries"]);
    noReceipt(receipt);
    const [unlearning, old, oldSnapshot, fresh, newSnapshot] = readEntries(
      document.entries,
      "unlearning",
      "from",
      "from-snapshot",
      "to",
      "to-snapshot",
    );
    return { unlearning, old, oldSnapshot, new: fresh, newSnapshot };
  },
};
const PRIVATE = new Set(["consent-event", "enrolled", "not-enrolled"]);

/** Whether brackets nest over 64 deep in the first 4,096 bytes, strings apart. */
const isDeep = (bytes) => {
  let depth = 0;
  let inString = false;
  let skip = false;
  for (const byte of bytes.subarray(0, 4096)) {
    if (skip) skip = false;
    else if (inString) {
      skip = byte === 0x5c;
      inString = byte !== 0x22;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > 64) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
};

const parseProof = (bytes) => {
  if (bytes.length > MAX_BYTES) refuse("the proof file is over 16 MiB", "proof.too-large");
  if (!bytes.length) refuse("the proof file is empty", "proof.empty");
  const deep = isDeep(bytes);
  return reading(
    () => {
      const whole = decode(bytes);
      if (!isObject(whole) || own(whole, "format") !== "byleave-proof/v1") bad();
      HEX32(own(whole, "digest"));
      const kind = own(whole, "kind");
      if (typeof kind !== "string" || !CHECKS.has(kind))
        refuse("an unknown kind of proof", "proof.unknown-kind");
      if (!Object.hasOwn(READERS, kind))
        throw new Unable(`this page has no checks of a proof of kind ${kind}`, null);
      const marked = own(whole, "private");
      const receipt = Object.hasOwn(whole, "receipt") ? encoded(whole.receipt) : null;
      const rest = { ...whole };
      for (const name of ["format", "digest", "kind", "private", "receipt"]) delete rest[name];
      const proof = { kind, receipt, whole, ...READERS[kind](rest, receipt) };
      proof.private = PRIVATE.has(kind) || receipt !== null || Boolean(proof.labelled);
      if (marked !== (proof.private ? true : undefined)) bad();
      return proof;
    },
    deep ? "the proof file nests over 64 deep" : "not a byleave-proof/v1 in its one encoding",
    deep ? "proof.too-deep" : "proof.malformed",
  );
};
