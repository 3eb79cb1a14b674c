/* Log entries and their log proofs (docs/spec/log.md). */

// --- entries and their log proofs ------------------------------------------------------------

const HEAD =
  /^c2sp\.org\/tlog-proof@v1\nindex ([0-9]+)\n((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n)*)\n/;
const MAX_LOG_PROOF = (1 << 20) + 4096;

const parseLogProof = (text) => {
  const no = () => refuse("not a tlog-proof in its one spelling", "proof.log-proof");
  if (text.length > MAX_LOG_PROOF && [...text].length > MAX_LOG_PROOF)
    refuse("a log proof is over 1 MiB", "proof.too-large");
  const head = HEAD.exec(text);
  if (head === null || head[0].length === text.length) no();
  const hashes = head[2].split("\n").slice(0, -1);
  if (hashes.length > 63) refuse("a log proof has over 63 hashes", "proof.too-large");
  const index = decimal(head[1]);
  if (index === null) no();
  const path = hashes.map((hash) => toHex(base64(hash)));
  return { index, path, checkpoint: utf8.encode(text.slice(head[0].length)) };
};
const loggedOf = (value) => {
  const { entry, proof } = value;
  if (typeof entry !== "string" || typeof proof !== "string") bad();
  const bytes = base64(entry);
  if (bytes === null || bytes.length > 65535) bad();
  return { entry: bytes, ...parseLogProof(proof) };
};
const readLogged = (value) => loggedOf(exactly(value, ["entry", "proof"]));
const readEntries = (value, ...names) => {
  const entries = exactly(value, names);
  return names.map((name) => readLogged(entries[name]));
};

/** Read an entry of one kind; null takes any. */
const parseEntry = (bytes, kind) => {
  if (bytes.length > 65535) refuse("the entry is over 65,535 bytes", "entry.too-long");
  const document = reading(
    () => {
      const found = decode(bytes);
      return isObject(found) && typeof own(found, "kind") === "string" ? found : bad();
    },
    "not a canonical entry with a kind",
    "entry.malformed",
  );
  const fields = ENTRIES.get(document.kind);
  if (fields === undefined) refuse("an entry of an unknown kind", "entry.unknown-kind");
  if (kind !== null && document.kind !== kind)
    wrong(`an entry of kind ${document.kind} where ${kind} belongs`);
  return reading(
    () => {
      const names = Object.keys(fields);
      exactly(document, ["kind", ...names]);
      const entry = {};
      for (const name of names) entry[name] = spelling(fields[name])(document[name]);
      return entry;
    },
    `not exactly the fields of ${document.kind}`,
    "entry.malformed",
  );
};
