/* The bucket map, and what changed between two (docs/spec/bucket-map.md). */

// --- the bucket map (docs/spec/bucket-map.md) ------------------------------------------------

const MAX_BUCKET = 255;
const MAX_K = 40;
const ROLES = new Map([
  [1n, "author"],
  [2n, "recipient"],
]);
const OWN_CONSENT = 1n;
const GROUNDS = new Map([
  [1n, "consent"],
  [2n, "consent-of-another-party"],
  [3n, "not-objected"],
  [4n, "contract"],
]);

const labelOf = (secret, epoch) => tagged(0x10, fromHex(secret), fromHex(epoch));
const bucketOf = (label, k) => BigInt(`0x${label}`) >> (128n - k);
const ascends = (values) => values.every((value, at) => !at || values[at - 1] < value);
const bucketLeaf = (labels, inner) =>
  leafHash(join([Uint8Array.of(labels.length), fromHex(labels.join("")), fromHex(inner)]));
const memberCommitment = (blind, count, index, leaf, records) =>
  tagged(
    0x13,
    fromHex(blind),
    bigEndian(BigInt(count), 4),
    bigEndian(index, 8),
    fromHex(leaf),
    fromHex(records),
  );

const checkBucket = (labels, path, label, k) => {
  if (k > BigInt(MAX_K)) malformedMap("no map has this k, or no label this length");
  if (BigInt(path.length) !== k) malformedMap(`not a path of ${k} hashes`);
  if (!ascends(labels)) refuse("labels are not strictly ascending", "map.labels-order");
  const bucket = bucketOf(label, k);
  if (labels.some((item) => bucketOf(item, k) !== bucket))
    refuse("a label of another bucket", "map.label-outside-bucket");
};
const checkRoot = async (leaf, path, label, k, root) => {
  const found = await rootFromInclusion(leaf, bucketOf(label, k), 1n << k, path);
  if (found !== root)
    refuse("the bucket does not lead to the snapshot's root", "map.root-mismatch");
};
const verifyAbsence = async (proof, label, k, root) => {
  checkBucket(proof.labels, proof.path, label, k);
  if (proof.labels.includes(label)) refuse("the bucket lists this label", "map.label-listed");
  await checkRoot(await bucketLeaf(proof.labels, proof.inner), proof.path, label, k, root);
};
const verifyListed = async ({ labels, commitments, path }, label, commitment, k, root) => {
  checkBucket(labels, path, label, k);
  const place = labels.indexOf(label);
  if (place < 0) refuse("the bucket does not list this label", "map.label-not-listed");
  if (commitments.length !== labels.length - 1)
    malformedMap("not one commitment of 32 bytes per other label");
  const all = [...commitments.slice(0, place), commitment, ...commitments.slice(place)];
  const inner = await tagged(0x14, fromHex(all.join("")));
  await checkRoot(await bucketLeaf(labels, inner), path, label, k, root);
};
const recordLeaf = async (record) => {
  if (!ROLES.has(record.role) || !GROUNDS.has(record.ground))
    malformedMap("a record's part has a wrong length, or no such role or ground");
  const opening = record.opening;
  if (opening) {
    const parts = [fromHex(opening.salt), bigEndian(opening.index, 8), fromHex(opening.leaf)];
    if ((await tagged(0x23, ...parts)) !== record.commitment)
      refuse("a ground's opening is of another", "map.ground-opening");
  }
  const kinds = Uint8Array.of(Number(record.role), Number(record.ground));
  const parts = [fromHex(record.salt), fromHex(record.digest), kinds];
  return leafHash(join([...parts, fromHex(record.commitment)]));
};
const readRecord = (value) => {
  const names = ["digest", "ground", "ground_commitment", "role", "salt"];
  let opening = null;
  if (isObject(value) && Object.hasOwn(value, "opening")) {
    names.push("opening");
    const found = exactly(value.opening, ["index", "leaf", "salt"]);
    opening = { salt: HEX16(found.salt), index: COUNT(found.index), leaf: HEX32(found.leaf) };
  }
  const document = exactly(value, names);
  return {
    salt: HEX16(document.salt),
    digest: HEX32(document.digest),
    role: COUNT(document.role),
    ground: COUNT(document.ground),
    commitment: HEX32(document.ground_commitment),
    opening,
  };
};

// --- what changed between two maps -----------------------------------------------------------

const MAX_CHANGES = 1 << 16;
const parseDelta = (value) =>
  reading(
    () => {
      const document = exactly(value, ["buckets", "siblings"]);
      const names = ["bucket", "new_inner", "new_labels", "old_inner", "old_labels"];
      const changes = array(document.buckets, MAX_CHANGES).map((item) => {
        const change = exactly(item, names);
        return {
          number: Number(COUNT(change.bucket)),
          old: { labels: every(change.old_labels, HEX16, MAX_BUCKET), inner: HEX32(change.old_inner) },
          new: { labels: every(change.new_labels, HEX16, MAX_BUCKET), inner: HEX32(change.new_inner) },
        };
      });
      return { changes, siblings: every(document.siblings, HEX32, MAX_CHANGES * MAX_K) };
    },
    "not the fields of a delta audit proof",
    "map.malformed",
  );
const beside = (index) => (index % 2 ? index - 1 : index + 1);
const half = (index) => Math.floor(index / 2);
const siblingsNeeded = (numbers, k) => {
  const needed = [];
  let known = numbers;
  for (let height = 0; height < k; height++) {
    const held = new Set(known);
    for (const index of known)
      if (!held.has(beside(index))) needed.push(`${height} ${beside(index)}`);
    known = [...new Set(known.map(half))];
  }
  return needed;
};
const changedLeaf = ({ labels, inner }, bucket, k) => {
  if (!ascends(labels)) refuse("labels are not strictly ascending", "map.labels-order");
  if (labels.some((item) => bucketOf(item, k) !== BigInt(bucket)))
    refuse("a label of another bucket", "map.label-outside-bucket");
  return bucketLeaf(labels, inner);
};
const foldUp = async (leaves, given, k) => {
  let level = leaves;
  for (let height = 0; height < k; height++) {
    const above = new Map();
    for (const [index, node] of level) {
      if (above.has(half(index))) continue;
      const other = level.get(beside(index)) ?? given.get(`${height} ${beside(index)}`);
      above.set(half(index), await (index % 2 ? nodeHash(other, node) : nodeHash(node, other)));
    }
    level = above;
  }
  return level.get(0);
};
const movedLabels = ({ changes }) => {
  const before = new Set(changes.flatMap((change) => change.old.labels));
  const behind = new Set(changes.flatMap((change) => change.new.labels));
  return {
    removed: [...before].filter((item) => !behind.has(item)).sort(),
    added: [...behind].filter((item) => !before.has(item)).sort(),
  };
};
const verifyDelta = async (proof, bigK, oldRoot, newRoot) => {
  if (bigK > BigInt(MAX_K)) malformedMap("no map has this k, or over 65,536 buckets changed");
  const k = Number(bigK);
  const numbers = proof.changes.map((change) => change.number);
  if (!ascends(numbers) || numbers.some((item) => item >= 2 ** k))
    refuse(
      "changed buckets are not strictly ascending numbers below 2^k",
      "map.delta-order",
    );
  const [before, behind] = [new Map(), new Map()];
  for (const change of proof.changes) {
    if (encode(change.old) === encode(change.new))
      refuse("a bucket named as changed did not change", "map.delta-order");
    before.set(change.number, await changedLeaf(change.old, change.number, bigK));
    behind.set(change.number, await changedLeaf(change.new, change.number, bigK));
  }
  const needed = siblingsNeeded(numbers, k);
  if (proof.siblings.length !== needed.length)
    refuse(
      `${proof.siblings.length} hashes where these buckets need ${needed.length}`,
      "map.delta-siblings",
    );
  const given = new Map(needed.map((place, at) => [place, proof.siblings[at]]));
  const found = numbers.length
    ? [await foldUp(before, given, k), await foldUp(behind, given, k)]
    : [oldRoot, oldRoot];
  if (found[0] !== oldRoot || found[1] !== newRoot)
    refuse("the changed buckets do not lead from the old root to the new one", "map.root-mismatch");
  return { buckets: numbers.length, ...movedLabels(proof) };
};
