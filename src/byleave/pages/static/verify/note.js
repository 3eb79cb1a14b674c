/* Signed notes, checkpoints and the trust file (C2SP; docs/spec/trust.md). */

// --- signed notes and the trust file (C2SP) --------------------------------------------------

const isKeyName = (name) => {
  const length = utf8.encode(name).length;
  return length > 0 && length <= 255 && !name.includes("+") && !/[\p{C}\p{Z}\s]/u.test(name);
};

const parseNote = (bytes) => {
  const no = (what) => refuse(what, "note.malformed");
  if (bytes.length > 1 << 20) refuse("the note is longer than 1 MiB", "note.too-large");
  let whole;
  try {
    whole = strict().decode(bytes);
  } catch {
    no("the note is not UTF-8");
  }
  if (/[\x00-\x09\x0b-\x1f]/.test(whole)) no("the note has control characters");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) no("the note has no signature block");
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > 100) refuse("the note has over 100 signatures", "note.too-large");
  const signatures = lines.map((line) => {
    const parts = line.slice(2).split(" ");
    const raw =
      line.startsWith("\u2014 ") && parts.length === 2 && isKeyName(parts[0])
        ? base64(parts[1])
        : null;
    if (raw === null || raw.length <= 4) no("a signature line is malformed");
    return { name: parts[0], id: toHex(raw.slice(0, 4)), payload: raw.slice(4) };
  });
  return { text: whole.slice(0, split + 1), signatures };
};

const parseCheckpoint = (text) => {
  const lines = text.split("\n");
  if (lines.length === 4 && lines[3] === "" && isKeyName(lines[0])) {
    const size = decimal(lines[1]);
    const hash = base64(lines[2]);
    if (size !== null && hash !== null && hash.length === 32)
      return { origin: lines[0], size, root: toHex(hash) };
  }
  return refuse("not a checkpoint: origin, size, root", "note.malformed");
};

const KEY_BYTES = { 1: 32, 4: 32, 6: 1312 };
const parseKey = async (text) => {
  const first = text.indexOf("+");
  const second = first < 0 ? -1 : text.indexOf("+", first + 1);
  const name = text.slice(0, first);
  if (second < 0 || !isKeyName(name)) return null;
  const raw = base64(text.slice(second + 1));
  if (!raw || !raw.length || raw.length !== 1 + KEY_BYTES[raw[0]]) return null;
  const id = (await sha256(utf8.encode(name), Uint8Array.of(10), raw)).slice(0, 8);
  if (text.slice(first + 1, second) !== id) return null;
  return { name, id, type: raw[0], bytes: raw.slice(1), text };
};

/** Check one signature of a known key; return a cosignature's time, or null. */
const checkSignature = async (key, text, payload) => {
  const no = () => refuse("a known key's signature fails", "note.bad-signature");
  let seconds = null;
  let signature = payload;
  if (key.type !== 1) {
    seconds = big(payload.slice(0, 8));
    signature = payload.slice(8);
    if (seconds >= 1n << 63n) no();
  }
  if (key.type === 6)
    throw new Unable(
      "a witness signed with ML-DSA-44, which no browser has: not checked here",
      "note.ml-dsa-missing",
    );
  const head = seconds === null ? "" : `cosignature/v1\ntime ${seconds}\n`;
  if (!(await signed(key.bytes, signature, utf8.encode(head + text)))) no();
  return seconds;
};

/** Decode octets of one item; those that are not UTF-8 stay apart from all that are. */
const opaque = (bytes) => {
  try {
    return strict().decode(bytes);
  } catch {
    return Array.from(bytes, (b) => String.fromCharCode(b < 128 ? b : 0xdc00 + b)).join("");
  }
};
const items = (line) => {
  const found = [];
  let start = 0;
  for (let at = 0; at <= line.length; at++)
    if (at === line.length || line[at] === 32 || line[at] === 9) {
      if (at > start) found.push(opaque(line.slice(start, at)));
      start = at + 1;
    }
  return found;
};

const parseTrust = async (bytes) => {
  const no = (what) => refuse(`not a trust file: ${what}`, "trust.malformed");
  if (bytes.length > 1 << 20 || bytes[bytes.length - 1] !== 10)
    no("it is empty, over 1 MiB, or its last line has no newline");
  if (bytes.some((byte) => (byte < 32 && byte !== 9 && byte !== 10) || byte === 127))
    no("it has control characters");
  const trust = { logs: [], witnesses: new Map(), groups: new Map(), quorum: undefined };
  const used = new Set();
  const keyOf = async (text, others, timed) => {
    const key = await parseKey(text);
    if (key === null) no("a key is not a vkey of a known type");
    if ((key.type !== 1) !== timed) no("a key is of the wrong type for its line");
    if ([...others].some((other) => same(other.bytes, key.bytes)))
      no("one public key is listed twice");
    return key;
  };
  const isNamed = (name) => trust.witnesses.has(name) || trust.groups.has(name);
  const newName = (name) => {
    if (name === "none" || isNamed(name)) no("a name is defined twice");
  };
  const group = (name, threshold, members) => {
    newName(name);
    for (const member of members) {
      if (used.has(member) || !isNamed(member))
        no("a group's member is not defined above it, or is used twice");
      used.add(member);
    }
    const most = BigInt(members.length);
    const count =
      threshold === "all" ? most : threshold === "any" ? 1n : decimal(threshold);
    if (count === null || count < 1n || count > most)
      no("a group's threshold is not between 1 and its members");
    trust.groups.set(name, { threshold: Number(count), members });
  };
  const line = async (found) => {
    const [word, first, second, ...rest] = found;
    if (word === "log" && (found.length === 2 || found.length === 3))
      trust.logs.push(await keyOf(first, trust.logs, false));
    else if (word === "witness" && (found.length === 3 || found.length === 4)) {
      const key = await keyOf(second, trust.witnesses.values(), true);
      newName(first);
      trust.witnesses.set(first, key);
    } else if (word === "group" && rest.length) group(first, second, rest);
    else if (word === "quorum" && found.length === 2 && trust.quorum === undefined) {
      if (first !== "none" && !isNamed(first)) no("the quorum is not defined above it");
      trust.quorum = first === "none" ? null : first;
    } else no("a line is not one of log, witness, group, quorum");
  };
  let start = 0;
  for (let at = 0; at < bytes.length; at++)
    if (bytes[at] === 10) {
      const found = items(bytes.slice(start, at));
      start = at + 1;
      if (found.length && !found[0].startsWith("#")) await line(found);
    }
  if (trust.quorum === undefined) no("it has no quorum line");
  if (!trust.logs.length) no("it lists no log");
  return trust;
};

const isMet = (trust, name, signed) => {
  const group = trust.groups.get(name);
  if (group === undefined) return signed.includes(name);
  return group.members.filter((item) => isMet(trust, item, signed)).length >= group.threshold;
};

/** Check a signed checkpoint under a trust file. */
const checkNote = async (trust, bytes) => {
  const note = parseNote(bytes);
  const checkpoint = parseCheckpoint(note.text);
  const logs = trust.logs.filter((key) => key.name === checkpoint.origin);
  if (!logs.length) refuse("the trust file does not list this log", "trust.unknown-log");
  const known = new Map(
    [...logs, ...trust.witnesses.values()].map((key) => [`${key.name} ${key.id}`, key]),
  );
  const opened = new Map();
  for (const signature of note.signatures) {
    const place = `${signature.name} ${signature.id}`;
    const key = known.get(place);
    if (key === undefined) continue;
    const seconds = await checkSignature(key, note.text, signature.payload);
    if (!opened.has(place)) opened.set(place, { key, seconds });
  }
  if (!opened.size) refuse("no signature is by a known key", "note.no-known-signature");
  if (![...opened.values()].some((item) => logs.some((key) => key.text === item.key.text)))
    refuse("the log itself did not sign", "note.no-known-signature");
  const witnesses = [];
  let newest = null;
  for (const [name, key] of trust.witnesses) {
    const found = opened.get(`${key.name} ${key.id}`);
    if (!found || found.seconds === null) continue;
    witnesses.push(name);
    if (newest === null || found.seconds > newest) newest = found.seconds;
  }
  if (trust.quorum !== null && !isMet(trust, trust.quorum, witnesses))
    refuse(
      `${witnesses.length} of ${trust.witnesses.size} witnesses signed, fewer than asked`,
      "trust.quorum",
    );
  return { ...checkpoint, witnesses, newest };
};
