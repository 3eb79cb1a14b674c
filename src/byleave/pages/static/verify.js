/* Byleave: a proof file checked where you are. Nothing is sent anywhere; nothing is asked of a
   server. A classic script without dependencies: a page loads it, and so does `require`.

     byleaveVerify.verify(proof, trust, receipt) -> Promise of byleave/verdict/v1
         (Uint8Array, Uint8Array, Uint8Array or null)

   The same checks in the same order, with the same codes and words, as `byleave verify`
   (docs/spec/verify.md); tests hold the two to one another, verdict for verdict. SHA-256, SHA-512
   and Ed25519 are the browser's own (WebCrypto). What a browser cannot check is never passed:
   the verdict has `unchecked: true` and says so. Public data only passes through the arithmetic
   below: its time depends on its numbers.

   KINDS is written by the server from the package's own tables, so that the two cannot differ:
   fields of every log entry, and the names of every proof's checks. */
"use strict";
(function (root) {
  const KINDS = "@KINDS@";
  const ENTRIES = new Map(Object.entries(KINDS.entries || {}));
  const CHECKS = new Map(Object.entries(KINDS.checks || {}));

  // --- errors ----------------------------------------------------------------------------------

  /** Evidence is not what it has to be: a check fails with this code. */
  class Refused extends Error {
    constructor(message, code) {
      super(message);
      this.code = code;
    }
  }
  /** This browser cannot tell: a check is not made. */
  class Unable extends Refused {}
  /** A value is not in its one spelling; whoever reads the document names it. */
  class Bad extends Error {}

  const refuse = (message, code) => {
    throw new Refused(message, code);
  };
  const bad = () => {
    throw new Bad();
  };
  const malformedMap = (what) => refuse(what, "map.malformed");
  const wrong = (what) => refuse(what, "verify.wrong-entry");
  const after = () => refuse("an entry names one that stands after it", "verify.order");

  /** Run a reader; what is not in its spelling is refused under one code. */
  const reading = (read, message, code) => {
    try {
      return read();
    } catch (error) {
      if (error instanceof Bad) refuse(message, code);
      throw error;
    }
  };

  // --- bytes -----------------------------------------------------------------------------------

  const utf8 = new TextEncoder();
  const strict = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

  const toHex = (bytes) => {
    let text = "";
    for (const byte of bytes) text += HEX[byte];
    return text;
  };
  const fromHex = (text) => {
    const bytes = new Uint8Array(text.length / 2);
    for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.substr(2 * at, 2), 16);
    return bytes;
  };
  const join = (parts) => {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  };
  const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
  const big = (bytes) => (bytes.length ? BigInt("0x" + toHex(bytes)) : 0n);
  const bigEndian = (number, length) => fromHex(number.toString(16).padStart(2 * length, "0"));
  const little = (bytes) => big(bytes.slice().reverse());
  const littleEndian = (number) => bigEndian(number, 32).reverse();

  const digest = async (name, bytes) =>
    new Uint8Array(await root.crypto.subtle.digest(name, bytes));
  const sha256 = async (...parts) => toHex(await digest("SHA-256", join(parts)));
  const tagged = (tag, ...parts) => sha256(Uint8Array.of(tag), ...parts);
  const leafHash = (bytes) => sha256(Uint8Array.of(0), bytes);
  const nodeHash = (left, right) => tagged(1, fromHex(left), fromHex(right));

  // --- one encoding (docs/spec/proof-file.md) --------------------------------------------------

  const MAX_DEPTH = 64;
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const own = (value, name) => (Object.hasOwn(value, name) ? value[name] : undefined);

  /** Write a value in its one encoding; what has none is `Bad`. */
  const encode = (value, depth = 0) => {
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "bigint") return String(value);
    if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : bad();
    const empty = Array.isArray(value) ? !value.length : !Object.keys(value).length;
    if (!empty && depth >= MAX_DEPTH) bad();
    if (Array.isArray(value)) return `[${value.map((item) => encode(item, depth + 1)).join(",")}]`;
    const names = Object.keys(value).sort();
    if (names.some((name) => !/^[\x00-\x7f]*$/.test(name))) bad();
    const member = (name) => `${JSON.stringify(name)}:${encode(value[name], depth + 1)}`;
    return `{${names.map(member).join(",")}}`;
  };
  const encoded = (value) => utf8.encode(encode(value));
  const digestOf = (value) => sha256(encoded(value));

  /** Read bytes that are in the one encoding; anything else is `Bad`. */
  const decode = (bytes) => {
    let value, text;
    try {
      text = strict().decode(bytes);
      value = JSON.parse(text);
    } catch {
      bad();
    }
    return encode(value) === text ? value : bad();
  };

  // --- fields ----------------------------------------------------------------------------------

  const hexadecimal = (length) => (value) =>
    typeof value === "string" && value.length === 2 * length && /^[0-9a-f]*$/.test(value)
      ? value
      : bad();
  const HEX32 = hexadecimal(32);
  const HEX16 = hexadecimal(16);
  const SIGNATURE = hexadecimal(64);
  const VRF = hexadecimal(80);
  const COUNT = (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : bad();
  const FLAG = (value) => (typeof value === "boolean" ? value : bad());
  const TEXT = (value) =>
    typeof value === "string" && /^[\x20-\x7e]{1,255}$/.test(value) ? value : bad();
  const TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d{6}))?Z$/;
  const INSTANT = (value) => {
    const found = typeof value === "string" && value.length <= 27 ? TIME.exec(value) : null;
    if (!found || found[5] === "000000") bad();
    const [year, month, day] = found.slice(1, 4).map(Number);
    const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
    const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    return year && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] ? value : bad();
  };
  /** An instant as text that sorts as instants do. */
  const ordered = (instant) =>
    instant.includes(".") ? instant : instant.replace("Z", ".000000Z");
  const SPELLINGS = { count: COUNT, flag: FLAG, instant: INSTANT, text: TEXT };
  const spelling = (name) => {
    if (name.endsWith("?")) {
      const inner = spelling(name.slice(0, -1));
      return (value) => (value === null ? null : inner(value));
    }
    const length = /^hex(\d+)$/.exec(name);
    return length ? hexadecimal(Number(length[1])) : SPELLINGS[name];
  };
  /** Return an object that has exactly these names. */
  const exactly = (value, names) => {
    if (!isObject(value)) bad();
    const found = Object.keys(value);
    return found.length === names.length && names.every((name) => Object.hasOwn(value, name))
      ? value
      : bad();
  };
  const array = (value, most) =>
    Array.isArray(value) && value.length <= most ? value : bad();
  const every = (value, read, most) => array(value, most).map(read);

  const BASE64 =
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;
  /** Read base64 in its one spelling; null for any other. */
  const base64 = (text) => {
    if (!BASE64.test(text)) return null;
    return Uint8Array.from(root.atob(text), (letter) => letter.charCodeAt(0));
  };
  /** Read decimal digits below 2^63 in their one spelling; null for any other. */
  const decimal = (text) => {
    if (!/^[0-9]{1,19}$/.test(text)) return null;
    const value = BigInt(text);
    return String(value) === text && value < 1n << 63n ? value : null;
  };

  // --- words -----------------------------------------------------------------------------------

  const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const counted = (value, word, plural = "s") =>
    `${number(value)} ${word}${BigInt(value) === 1n ? "" : plural}`;
  const short = (hex) => `${hex.slice(0, 8)}…${hex.slice(-4)}`;
  const where = (place) => {
    const under = place.under;
    const text = `entry ${number(place.index)} of ${number(under.size)} in ${under.origin}`;
    if (under.newest === null) return text;
    const seen =
      under.newest > 253402300799n
        ? "a time beyond the calendar"
        : `${new Date(Number(under.newest) * 1000).toISOString().slice(0, 16)}Z`;
    return `${text} (${counted(under.witnesses.length, "witness", "es")}, newest ${seen})`;
  };
  const tally = (names) => {
    const counts = {};
    for (const name of names) counts[name] = (counts[name] || 0) + 1;
    return counts;
  };
  const listed = (counts, preposition) =>
    Object.keys(counts)
      .sort()
      .map((name) => `${number(counts[name])} ${preposition}${name}`)
      .join(", ");

  // --- the tree (RFC 6962) ---------------------------------------------------------------------

  const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);
  const ones = (value) => value.toString(2).replaceAll("0", "").length;

  const rootFromInclusion = async (leaf, index, size, path) => {
    if (index >= size)
      refuse(`index ${index} is not in a tree of ${size} leaves`, "merkle.index-out-of-range");
    const inner = bitLength(index ^ (size - 1n));
    const needed = inner + ones(index >> BigInt(inner));
    if (path.length !== needed)
      refuse(
        `${path.length} hashes where leaf ${index} of ${size} needs ${needed}`,
        "merkle.path-length",
      );
    let result = leaf;
    for (let level = 0; level < path.length; level++) {
      const right = level >= inner || (index >> BigInt(level)) & 1n;
      result = right ? await nodeHash(path[level], result) : await nodeHash(result, path[level]);
    }
    return result;
  };
  const treeRoot = async (leaves) => {
    let level = leaves;
    const peaks = [];
    while (level.length > 1) {
      if (level.length % 2) peaks.push(level[level.length - 1]);
      const above = [];
      for (let at = 0; at + 1 < level.length; at += 2)
        above.push(nodeHash(level[at], level[at + 1]));
      level = await Promise.all(above);
    }
    let result = level[0];
    peaks.reverse();
    // fold from the smallest, which stands last
    const all = [result, ...peaks];
    result = all.pop();
    while (all.length) result = await nodeHash(all.pop(), result);
    return result;
  };

  // --- edwards25519, for public data (RFC 8032) ------------------------------------------------

  const P = 2n ** 255n - 19n;
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
  const mod = (value) => ((value % P) + P) % P;
  const power = (base, exponent) => {
    let result = 1n;
    for (let left = exponent, square = mod(base); left; left >>= 1n) {
      if (left & 1n) result = (result * square) % P;
      square = (square * square) % P;
    }
    return result;
  };
  const D = mod(-121665n * power(121666n, P - 2n));
  const SQRT_M1 = power(2n, (P - 1n) / 4n);
  const IDENTITY = [0n, 1n, 1n, 0n];

  const decodePoint = (bytes) => {
    if (bytes.length !== 32) return null;
    const value = little(bytes);
    const sign = value >> 255n;
    const y = value & ((1n << 255n) - 1n);
    if (y >= P) return null;
    const u = mod(y * y - 1n);
    const v = mod(D * y * y + 1n);
    let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
    if (mod(v * x * x) !== u) {
      x = mod(x * SQRT_M1);
      if (mod(v * x * x) !== u) return null;
    }
    if (x === 0n && sign) return null;
    if ((x & 1n) !== sign) x = P - x;
    return [x, y, 1n, mod(x * y)];
  };
  const encodePoint = ([x, y, z]) => {
    const inverse = power(z, P - 2n);
    return littleEndian(mod(y * inverse) | ((mod(x * inverse) & 1n) << 255n));
  };
  const add = ([x1, y1, z1, t1], [x2, y2, z2, t2]) => {
    const e = mod((y1 - x1) * (y2 - x2));
    const f = mod((y1 + x1) * (y2 + x2));
    const g = mod(2n * D * t1 * t2);
    const h = mod(2n * z1 * z2);
    const [m, n, o, p] = [f - e, h - g, h + g, f + e];
    return [mod(m * n), mod(o * p), mod(n * o), mod(m * p)];
  };
  const negate = ([x, y, z, t]) => [mod(-x), y, z, mod(-t)];
  const timesEight = (point) => {
    const two = add(point, point);
    const four = add(two, two);
    return add(four, four);
  };
  const isIdentity = ([x, y, z]) => mod(x) === 0n && mod(y - z) === 0n;
  const sumOfMultiples = (a, first, b, second) => {
    const table = [IDENTITY, first, second, add(first, second)];
    let result = IDENTITY;
    for (let bit = Math.max(bitLength(a), bitLength(b)) - 1; bit >= 0; bit--) {
      result = add(result, result);
      const at = BigInt(bit);
      const chosen = Number(((a >> at) & 1n) | (((b >> at) & 1n) << 1n));
      if (chosen) result = add(result, table[chosen]);
    }
    return result;
  };
  const BASE = decodePoint(littleEndian(mod(4n * power(5n, P - 2n))));

  /** Whether an Ed25519 signature is good, by this page's own arithmetic. */
  const ed25519 = async (key, signature, message) => {
    if (signature.length !== 64) return false;
    const point = decodePoint(key);
    const s = little(signature.slice(32));
    if (point === null || s >= ORDER) return false;
    const k = little(await digest("SHA-512", join([signature.slice(0, 32), key, message])));
    const found = encodePoint(sumOfMultiples(s, BASE, k % ORDER, negate(point)));
    return same(found, signature.slice(0, 32));
  };
  let ownArithmetic = null;
  /** Whether an Ed25519 signature is good: by WebCrypto, or where it has none by the above. */
  const signed = async (key, signature, message) => {
    if (signature.length !== 64) return false;
    const subtle = root.crypto.subtle;
    if (ownArithmetic !== true) {
      try {
        const made = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
        ownArithmetic = false;
        return await subtle.verify({ name: "Ed25519" }, made, signature, message);
      } catch (error) {
        if (ownArithmetic === false && error.name !== "NotSupportedError") return false;
        ownArithmetic = error.name === "NotSupportedError" ? true : null;
      }
    }
    return ed25519(key, signature, message);
  };

  /** Return the one output of a VRF (RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI). */
  const verifyVrf = async (publicKey, alpha, proof) => {
    const no = () => refuse("the VRF proof does not verify", "vrf.proof");
    const key = decodePoint(publicKey);
    if (key === null || isIdentity(timesEight(key))) refuse("not a public key of a VRF", "vrf.key");
    if (proof.length !== 80) no();
    const gamma = decodePoint(proof.slice(0, 32));
    const c = little(proof.slice(32, 48));
    const s = little(proof.slice(48));
    if (gamma === null || s >= ORDER) no();
    let point = null;
    for (let attempt = 0; attempt < 256 && point === null; attempt++) {
      const data = [Uint8Array.of(3, 1), publicKey, alpha, Uint8Array.of(attempt, 0)];
      const tried = decodePoint((await digest("SHA-512", join(data))).slice(0, 32));
      if (tried !== null && !isIdentity(timesEight(tried))) point = timesEight(tried);
    }
    if (point === null) refuse("no point of the curve was found", "vrf.proof");
    const h = encodePoint(point);
    const u = encodePoint(sumOfMultiples(s, BASE, c, negate(key)));
    const v = encodePoint(sumOfMultiples(s, decodePoint(h), c, negate(gamma)));
    const parts = [Uint8Array.of(3, 2), publicKey, h, proof.slice(0, 32), u, v, Uint8Array.of(0)];
    const found = (await digest("SHA-512", join(parts))).slice(0, 16);
    if (!same(found, proof.slice(32, 48))) no();
    const last = [Uint8Array.of(3, 3), encodePoint(timesEight(gamma)), Uint8Array.of(0)];
    return digest("SHA-512", join(last));
  };

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

  const parseProof = (bytes) => {
    if (bytes.length > MAX_BYTES) refuse("the proof file is over 16 MiB", "proof.too-large");
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
      "not a byleave-proof/v1 in its one encoding",
      "proof.malformed",
    );
  };

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

  // --- checks from a release to a member's records ---------------------------------------------

  const checkRelease = async (run, proof) => {
    const place = await run.logged(proof.release);
    const release = parseEntry(proof.release.entry, "release/v1");
    Object.assign(run.facts, {
      release: release.release,
      release_index: place.index,
      model: release.model,
      exact: release.exact,
      origin: place.under.origin,
    });
    return `${release.release}, model ${short(release.model)}: ${where(place)}`;
  };
  const checkSnapshot = async (run, proof) => {
    const place = await run.logged(proof.snapshot);
    const snapshot = parseEntry(proof.snapshot.entry, "snapshot/v1");
    const release = parseEntry(proof.release.entry, "release/v1");
    if (place.index !== release.snapshot || place.leaf !== release.snapshot_leaf)
      wrong("this is not the snapshot that the release names");
    const late =
      [release.snapshot, release.recipe].some((index) => index >= proof.release.index) ||
      snapshot.gate >= place.index ||
      (snapshot.parent !== null && snapshot.parent >= place.index);
    if (late) after();
    run.snapshot = snapshot;
    run.place = place;
    Object.assign(run.facts, {
      snapshot: snapshot.snapshot,
      snapshot_index: place.index,
      use: snapshot.use,
    });
    run.claim = `snapshot ${snapshot.snapshot}, on which release ${release.release} was trained`;
    return `${snapshot.snapshot}: ${where(place)}, named by the release`;
  };
  const enrolledBefore = (enrolment, index) => {
    if (enrolment.index >= index)
      refuse("the member was enrolled after what is claimed", "verify.order");
  };
  const checkEnrolment = async (run) => {
    if (!run.receipt) return new Skipped("no receipt given");
    run.enrolment = await run.logReceipt();
    enrolledBefore(run.enrolment, run.place.index);
    return `${where(run.enrolment)}, before the snapshot`;
  };
  const directoryLabel = async (entry, member, vrf) => {
    const alpha = join([bigEndian(entry.number, 8), utf8.encode(member)]);
    const output = await verifyVrf(fromHex(entry.vrf_key), alpha, fromHex(vrf));
    return tagged(0x15, output);
  };
  const verifyEnrolled = async (proof, entry, member, enrolment) => {
    const label = await directoryLabel(entry, member, proof.vrf);
    const parts = [fromHex(label.slice(32)), bigEndian(enrolment.index, 8), fromHex(enrolment.leaf)];
    const commitment = await tagged(0x16, ...parts);
    await verifyListed(proof, label.slice(0, 32), commitment, entry.k, entry.root);
  };
  const checkDirectory = async (run, proof) => {
    if (!proof.directory) return new Skipped("the file has none");
    if (!run.receipt || !run.enrolment) return new Skipped("no receipt given");
    const place = await run.logged(proof.directory.entry);
    const entry = parseEntry(proof.directory.entry.entry, "directory/v1");
    if (run.enrolment.index >= place.index)
      refuse("the member was enrolled after the directory was made", "verify.order");
    await verifyEnrolled(proof.directory.listed, entry, run.receipt.member, run.enrolment);
    run.directory = `directory ${entry.number} lists it as the one enrolment of this member id`;
    Object.assign(run.facts, { directory: entry.number, directory_index: place.index });
    return `directory ${entry.number}, ${counted(entry.members, "member")}: ${where(place)}`;
  };
  const FROM_RELEASE = [checkRelease, checkSnapshot, checkEnrolment, checkDirectory];

  const checkLabel = async (run, stated) => {
    if (!run.receipt) {
      run.label = stated;
      run.facts.label = stated;
      return `${stated}, as the proof file states; give the receipt to check whose`;
    }
    run.label = await labelOf(run.receipt.secret, run.snapshot.epoch);
    const label = run.label.slice(0, 32);
    if (stated !== null && stated !== label)
      refuse("the proof file is about another label than this receipt's", "verify.label");
    run.facts.label = label;
    return `${label}, recomputed from the receipt's secret`;
  };
  const holder = (run) => (run.receipt ? "this receipt" : `label ${run.label.slice(0, 8)}…`);
  const covered = (run) => (run.directory === null ? "" : `; ${run.directory}`);
  const modelLimits = (run) => [NEVER_SHOWS, run.directory ? ONE_DIRECTORY : ONE_SECRET];

  const checkGrounds = async (run, records) => {
    const leaves = new Map();
    for (const event of run.receipt.events)
      leaves.set(event.logged.index, (await run.logged(event.logged)).leaf);
    for (const record of records) {
      const opening = record.opening;
      const isOwn = record.ground === OWN_CONSENT;
      if (!opening && isOwn)
        refuse(
          "a record stands on the holder's own consent and does not open it",
          "verify.ground-closed",
        );
      if (!opening) continue;
      if (opening.index >= run.place.index)
        refuse("a record's ground was logged after the snapshot", "verify.order");
      if (!leaves.has(opening.index) && isOwn)
        refuse(
          "a record stands on a consent that the receipt does not hold",
          "verify.ground-unknown",
        );
      if (leaves.has(opening.index) && leaves.get(opening.index) !== opening.leaf)
        wrong("a record's ground is not the receipt's event");
    }
    run.facts.by_role = tally(records.map((record) => ROLES.get(record.role)));
    run.facts.by_ground = tally(records.map((record) => GROUNDS.get(record.ground)));
  };

  const ABSENCE = {
    steps: [
      ...FROM_RELEASE,
      (run, proof) => checkLabel(run, proof.label),
      async (run, { map }) => {
        const { k, root } = run.snapshot;
        await verifyAbsence(map, run.label.slice(0, 32), k, root);
        return `root ${short(root)}; ${counted(map.labels.length, "label")}, not this one`;
      },
    ],
    statement: (run) =>
      `no record of the holder of ${holder(run)} is in ${run.claim}${covered(run)}`,
    limits: modelLimits,
    needsReceipt: (proof) => proof.label === null,
  };
  const PRESENCE = {
    steps: [
      ...FROM_RELEASE,
      (run) => checkLabel(run, null),
      async (run, { map }) => {
        const { k, root } = run.snapshot;
        const { index, leaf } = run.enrolment;
        const leaves = [];
        for (const record of map.records) leaves.push(await recordLeaf(record));
        if (!leaves.length || !ascends(leaves))
          refuse("no records, or not strictly ascending", "map.records-order");
        const records = await treeRoot(leaves);
        const blind = run.label.slice(32);
        const own = await memberCommitment(blind, leaves.length, index, leaf, records);
        await verifyListed(map, run.label.slice(0, 32), own, k, root);
        await checkGrounds(run, map.records);
        run.facts.records = leaves.length;
        const labels = counted(map.labels.length, "label");
        return `root ${short(root)}; ${labels}, this one with ${counted(leaves.length, "record")}`;
      },
    ],
    statement: (run) => {
      const { records, by_role: byRole, by_ground: byGround } = run.facts;
      const are = records === 1 ? "is" : "are";
      return (
        `exactly ${counted(records, "record")} of the holder of this receipt ${are} in` +
        ` ${run.claim}: ${listed(byRole, "as ")}; ${listed(byGround, "on ")}${covered(run)}`
      );
    },
    limits: modelLimits,
    needsReceipt: () => true,
  };
  const RECORD = {
    steps: [
      ...FROM_RELEASE,
      async (run, proof) => {
        const labelled = proof.labelled;
        if (run.receipt) {
          const found = await checkLabel(run, labelled && labelled.label.slice(0, 32));
          if (labelled && labelled.label !== run.label)
            refuse("the label's other half is another's", "verify.label");
          return found;
        }
        run.enrolment = await run.logged(labelled.enrolment);
        parseEntry(labelled.enrolment.entry, "enrolment/v1");
        if (run.enrolment.index >= run.place.index)
          refuse("the enrolment stands after the snapshot", "verify.order");
        run.label = labelled.label;
        run.facts.label = run.label.slice(0, 32);
        return `${run.facts.label}, as the proof file states; enrolled at ${where(run.enrolment)}`;
      },
      async (run, proof) => {
        const { k, root } = run.snapshot;
        const { record, index, of } = proof;
        if (index >= of || of >= 1n << 32n)
          malformedMap("a record's place is not below their number");
        if (proof.labelled && proof.labelled.enrolment.index !== run.enrolment.index)
          wrong("the enrolment is another one");
        const records = await rootFromInclusion(await recordLeaf(record), index, of, proof.siblings);
        const { index: at, leaf } = run.enrolment;
        const own = await memberCommitment(run.label.slice(32), of, at, leaf, records);
        await verifyListed(proof, run.label.slice(0, 32), own, k, root);
        if (run.receipt) await checkGrounds(run, [record]);
        Object.assign(run.facts, {
          records: of,
          record_digest: record.digest,
          role: ROLES.get(record.role),
          ground: GROUNDS.get(record.ground),
        });
        return `root ${short(root)}; record ${short(record.digest)} is one of ${number(of)} of this label`;
      },
    ],
    statement: (run, { record, of }) =>
      `the record with digest ${record.digest} is one of ${counted(of, "record")} of the holder` +
      ` of ${holder(run)} in ${run.claim}: as ${ROLES.get(record.role)}, on` +
      ` ${GROUNDS.get(record.ground)}${covered(run)}`,
    limits: modelLimits,
    needsReceipt: (proof) => proof.labelled === null,
  };
  const CONSENT_EVENT = {
    steps: [
      async (run, { event }) => {
        const place = await run.logged(event.logged);
        await checkEvent(event);
        run.place = place;
        Object.assign(run.facts, { event_index: place.index, origin: place.under.origin });
        return `the entry commits to the event: ${where(place)}`;
      },
      async (run, { event }) => {
        if (!run.receipt) return new Skipped("no receipt given");
        run.enrolment = await run.logReceipt();
        enrolledBefore(run.enrolment, run.place.index);
        if (own(event.event, "member") !== run.receipt.member)
          refuse("the event is another member's", "receipt.commitment");
        return `the event is this member's; enrolled at ${where(run.enrolment)}`;
      },
    ],
    statement: (run) => {
      const whose = run.receipt ? " of the holder of this receipt" : "";
      const { event_index: index, origin } = run.facts;
      return `the consent event${whose} in this file is entry ${number(index)} of ${origin}`;
    },
    limits: () => ["that the choice was honoured"],
  };

  // --- directories -----------------------------------------------------------------------------

  const checkListing = async (run, proof) => {
    const place = await run.logged(proof.directory);
    const entry = parseEntry(proof.directory.entry, "directory/v1");
    if (entry.previous !== null && entry.previous >= place.index) after();
    run.place = place;
    Object.assign(run.facts, {
      directory: entry.number,
      directory_index: place.index,
      origin: place.under.origin,
    });
    run.claim = `directory ${entry.number}, entry ${number(place.index)} of ${run.facts.origin}`;
    return `directory ${entry.number}, ${counted(entry.members, "member")}: ${where(place)}`;
  };
  const sameMember = (run, member) => {
    if (member !== run.receipt.member)
      refuse("the receipt is another member's", "receipt.commitment");
  };
  const LISTING_LIMITS = () => [
    "that nobody's data is held under another id; that other directories say the same (who follows" +
      " the log sees every directory)",
  ];
  const ENROLLED = {
    steps: [
      checkListing,
      async (run, proof) => {
        run.enrolment = await run.logged(proof.enrolment);
        parseEntry(proof.enrolment.entry, "enrolment/v1");
        if (run.enrolment.index >= run.place.index)
          refuse("the enrolment stands after the directory", "verify.order");
        if (!run.receipt) return where(run.enrolment);
        if ((await run.logReceipt()).index !== run.enrolment.index)
          wrong("the enrolment is not the receipt's");
        sameMember(run, proof.member);
        return `${where(run.enrolment)}, the receipt's`;
      },
      async (run, proof) => {
        const entry = parseEntry(proof.directory.entry, "directory/v1");
        await verifyEnrolled(proof.listed, entry, proof.member, run.enrolment);
        return `root ${short(entry.root)}; the id's label is listed with this enrolment`;
      },
    ],
    statement: (run) =>
      `the member id in this file has exactly one enrolment in ${run.claim}: entry` +
      ` ${number(run.enrolment.index)}`,
    limits: LISTING_LIMITS,
  };
  const NOT_ENROLLED = {
    steps: [
      checkListing,
      async (run, proof) => {
        if (!run.receipt) return new Skipped("no receipt given");
        await run.logReceipt();
        sameMember(run, proof.member);
        return "the receipt is of this member id";
      },
      async (run, proof) => {
        const entry = parseEntry(proof.directory.entry, "directory/v1");
        const label = await directoryLabel(entry, proof.member, proof.vrf);
        await verifyAbsence(proof.map, label.slice(0, 32), entry.k, entry.root);
        const labels = counted(proof.map.labels.length, "label");
        return `root ${short(entry.root)}; ${labels}, not this id's`;
      },
    ],
    statement: (run) => `the member id in this file is not enrolled in ${run.claim}`,
    limits: LISTING_LIMITS,
  };

  // --- what the platform did -------------------------------------------------------------------

  const snapshotOf = (logged) => parseEntry(logged.entry, "snapshot/v1");
  const releaseOf = (logged) => parseEntry(logged.entry, "release/v1");
  const gateOf = (logged) => parseEntry(logged.entry, "gate/v1");

  const LINEAGE = {
    steps: [
      async (run, proof) => {
        const place = await run.logged(proof.release);
        const release = releaseOf(proof.release);
        parseEntry(proof.recipe.entry, "recipe/v1");
        named(release.recipe, await run.logged(proof.recipe), place);
        run.place = place;
        Object.assign(run.facts, {
          release: release.release,
          release_index: place.index,
          model: release.model,
          exact: release.exact,
          origin: place.under.origin,
        });
        return `${release.release}, model ${short(release.model)}: ${where(place)}`;
      },
      async (run, proof) => {
        const release = releaseOf(proof.release);
        const places = [];
        for (const item of proof.snapshots) places.push(await run.logged(item));
        named(release.snapshot, places[0], run.place);
        if (places[0].leaf !== release.snapshot_leaf)
          wrong("this is not the snapshot that the release names");
        const entries = proof.snapshots.map(snapshotOf);
        for (let at = 0; at + 1 < entries.length; at++) {
          const [child, parent] = [entries[at], entries[at + 1]];
          if (child.parent === null) wrong("a first snapshot has no parent");
          named(child.parent, places[at + 1], places[at]);
          if (lineageOf(child) !== lineageOf(parent))
            wrong("two snapshots of one lineage differ in epoch, k or use");
        }
        if (entries[entries.length - 1].parent !== null)
          wrong("the last snapshot has a parent: the lineage is not whole");
        run.facts.lineage = entries.map((entry, at) => ({
          snapshot: entry.snapshot,
          index: places[at].index,
          records: entry.records,
        }));
        return `${counted(entries.length, "snapshot")}, each the parent of the one before it`;
      },
      async (run, proof) => {
        const decided = [];
        for (let at = 0; at < proof.snapshots.length; at++) {
          const snapshot = snapshotOf(proof.snapshots[at]);
          const gate = gateOf(proof.gates[at]);
          const place = await run.logged(proof.gates[at]);
          named(snapshot.gate, place, await run.logged(proof.snapshots[at]));
          if (gate.use !== snapshot.use || gate.ledger > place.index)
            wrong("a gate was for another use, or decided after itself");
          decided.push(gate.ledger);
        }
        const [first, last] = [decided[decided.length - 1], decided[0]];
        const gates = counted(decided.length, "gate");
        return `${gates}, decided at log indexes ${number(first)} to ${number(last)}`;
      },
    ],
    statement: (run, proof) => {
      const entries = proof.snapshots.map(snapshotOf);
      const [last, first] = [entries[0], entries[entries.length - 1]];
      const steps = entries.length - 1;
      const came = steps
        ? `${counted(steps, "change")} after ${first.snapshot} (${number(first.records)} records)`
        : `as sealed from gate entry ${number(first.gate)}`;
      return (
        `release ${run.facts.release} was trained on snapshot ${last.snapshot}` +
        ` (${number(last.records)} records, use ${last.use}), ${came}`
      );
    },
    limits: () => [NEVER_SHOWS],
  };

  const checkUnlearning = async (run, proof) => {
    const place = await run.logged(proof.unlearning);
    const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
    run.place = place;
    Object.assign(run.facts, {
      unlearning_index: place.index,
      model: entry.model,
      refit: entry.refit,
      origin: place.under.origin,
    });
    if (entry.refit !== null && entry.refit !== entry.model)
      wrong("the fit without the rows gave another model");
    return where(place);
  };
  const checkReleases = async (run, proof) => {
    const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
    const [old, fresh] = [releaseOf(proof.old), releaseOf(proof.new)];
    const oldPlace = await run.logged(proof.old);
    const newPlace = await run.logged(proof.new);
    named(entry.from, oldPlace, run.place);
    named(entry.to, newPlace, run.place);
    if (fresh.parent === null) wrong("the new release names no parent");
    named(fresh.parent, oldPlace, newPlace);
    if (fresh.model !== entry.model) wrong("the new release is of another model");
    Object.assign(run.facts, { from: old.release, to: fresh.release, exact: fresh.exact });
    return `${old.release} to ${fresh.release}`;
  };
  const checkChange = async (run, proof) => {
    const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
    const places = [];
    for (const [logged, sealed] of [
      [proof.old, proof.oldSnapshot],
      [proof.new, proof.newSnapshot],
    ]) {
      const release = releaseOf(logged);
      const place = await run.logged(sealed);
      named(release.snapshot, place, await run.logged(logged));
      if (place.leaf !== release.snapshot_leaf)
        wrong("this is not the snapshot that a release names");
      places.push(place);
    }
    const [old, fresh] = [snapshotOf(proof.oldSnapshot), snapshotOf(proof.newSnapshot)];
    if (entry.snapshot !== places[1].index || fresh.parent === null)
      wrong("the unlearning is for another snapshot");
    named(fresh.parent, places[0], places[1]);
    if (lineageOf(old) !== lineageOf(fresh) || fresh.records >= old.records)
      wrong("the new snapshot is not the old one with records taken out");
    Object.assign(run.facts, { records_before: old.records, records_after: fresh.records });
    return (
      `${old.snapshot} (${number(old.records)} records) to` +
      ` ${fresh.snapshot} (${number(fresh.records)})`
    );
  };
  const UNLEARNING = {
    steps: [checkUnlearning, checkReleases, checkChange],
    statement: (run, proof) => {
      const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
      const fewer = snapshotOf(proof.oldSnapshot).records - snapshotOf(proof.newSnapshot).records;
      const fit =
        entry.refit !== null
          ? "the platform logged that a fit without them gives the same bytes"
          : "the platform logged no fit to compare with";
      return (
        `release ${run.facts.from} was replaced by ${run.facts.to}, on a snapshot with` +
        ` ${counted(fewer, "record")} fewer; ${fit}`
      );
    },
    limits: () => [
      "that fitting without the rows gives these bytes (refit the release to see)",
      "that the old model is no longer used; whose records were taken out",
    ],
  };

  const DELTA = {
    steps: [
      async (run, proof) => {
        const before = await run.logged(proof.old);
        const behind = await run.logged(proof.new);
        const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
        run.place = behind;
        if (before.index >= behind.index)
          refuse("the later snapshot stands before the earlier", "verify.order");
        if (lineageOf(old) !== lineageOf(fresh) || fresh.parent === null)
          wrong("the snapshots differ in epoch, k or use: they are not of one lineage");
        Object.assign(run.facts, {
          old: old.snapshot,
          new: fresh.snapshot,
          old_index: before.index,
          new_index: behind.index,
          origin: behind.under.origin,
        });
        return `${old.snapshot} and ${fresh.snapshot}: ${where(behind)}`;
      },
      async (run, proof) => {
        const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
        const shown = await verifyDelta(proof.map, fresh.k, old.root, fresh.root);
        const { removed, added } = shown;
        Object.assign(run.facts, {
          buckets: shown.buckets,
          removed: removed.length,
          added: added.length,
        });
        return (
          `${counted(shown.buckets, "bucket")} of ${number(1n << fresh.k)} changed, from root` +
          ` ${short(old.root)} to ${short(fresh.root)}; the rest is the same`
        );
      },
      async (_, proof) => {
        const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
        const { removed, added } = movedLabels(proof.map);
        const members = old.members - BigInt(removed.length) + BigInt(added.length);
        if (members !== fresh.members)
          wrong("the labels that left and came do not account for the members logged");
        return (
          `${number(old.members)} members, ${number(removed.length)} left,` +
          ` ${number(added.length)} came: ${number(fresh.members)}`
        );
      },
    ],
    statement: ({ facts }) =>
      `from snapshot ${facts.old} to ${facts.new}, ${counted(facts.removed, "member")} left and` +
      ` ${number(facts.added)} came; ${counted(facts.buckets, "bucket")} changed and nothing else` +
      " did",
    limits: () => [
      "who they are; what changed of a member who stayed in a changed bucket",
      NEVER_SHOWS,
    ],
  };

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

  const PRINTED = (value) => {
    const isPrintable =
      typeof value === "string" &&
      value !== "" &&
      [...value].length <= 4096 &&
      !/[\p{C}\p{Z}]/u.test(value.replaceAll(" ", ""));
    return isPrintable ? value : bad();
  };
  const span = ([low, high]) => (low === high ? number(low) : `${number(low)} to ${number(high)}`);
  const few = (value) => (isObject(value) && Object.keys(value).length <= 10000 ? value : bad());
  const total = (values) => values.reduce((sum, value) => sum + value, 0n);
  const readCaseCounts = (value) => {
    const item = exactly(value, ["cohort", "members", "messages", "pairs", "by_reason"]);
    PRINTED(item.cohort);
    for (const ends of [item.members, item.messages]) {
      const found = every(ends, COUNT, 2);
      if (found.length !== 2 || found[0] > found[1]) bad();
    }
    if (total(Object.values(few(item.by_reason)).map(COUNT)) !== COUNT(item.pairs)) bad();
  };
  const readCaseStatement = (value) =>
    reading(
      () => {
        const names =
          "format origin program salt case as_of stated inputs pack rulesets results counts";
        const found = exactly(value, names.split(" "));
        if (found.format !== "byleave-case-statement/v1") bad();
        TEXT(found.origin);
        TEXT(found.program);
        HEX32(found.salt);
        HEX32(found.case);
        if (found.rulesets !== null) HEX32(found.rulesets);
        INSTANT(found.as_of);
        INSTANT(found.stated);
        for (const value of array(found.inputs, 10000)) {
          const item = exactly(value, ["name", "file", "sha256", "bytes", "rows"]);
          TEXT(item.name);
          PRINTED(item.file);
          HEX32(item.sha256);
          COUNT(item.bytes);
          COUNT(item.rows);
        }
        const pack = exactly(found.pack, ["name", "dated", "sha256"]);
        TEXT(pack.name);
        INSTANT(pack.dated);
        HEX32(pack.sha256);
        Object.values(few(found.results)).forEach(HEX32);
        array(found.counts, 10000).forEach(readCaseCounts);
        return found;
      },
      "not a byleave-case-statement/v1 with possible numbers",
      "case.statement",
    );
  const CASE = {
    steps: [
      async (run, proof) => {
        const place = await run.logged(proof.case);
        const entry = parseEntry(proof.case.entry, "case/v1");
        run.place = place;
        Object.assign(run.facts, {
          case_index: place.index,
          case: entry.case,
          as_of: entry.as_of,
          stated: entry.stated,
          origin: place.under.origin,
        });
        return where(place);
      },
      async (run, proof) => {
        const entry = parseEntry(proof.case.entry, "case/v1");
        const found = readCaseStatement(proof.statement);
        const matches =
          (await digestOf(found)) === entry.statement &&
          found.case === entry.case &&
          found.as_of === entry.as_of &&
          found.stated === entry.stated &&
          found.origin === run.facts.origin;
        if (!matches)
          refuse("the statement is not the one that the log entry is of", "case.statement");
        const { program, inputs, pack, results, counts } = found;
        Object.assign(run.facts, { program, inputs, pack, results, counts });
        const rows = total(inputs.map((item) => BigInt(item.rows)));
        return `${counted(inputs.length, "input")}, ${counted(rows, "row")}; pack ${pack.name}`;
      },
      async (_, { statement }) => {
        const names = statement.inputs.map((item) => item.name);
        if (!names.includes("messages") || new Set(names).size !== names.length)
          refuse("the statement names no messages, or one input twice", "case.statement");
        const results = Object.keys(statement.results).sort();
        if (!results.length) refuse("the statement names no result", "case.statement");
        return `${names.join(", ")} → ${results.join(", ")}`;
      },
    ],
    statement: ({ facts }, { statement }) => {
      const cohorts = statement.counts.map(
        (item) =>
          `${item.cohort}: ${span(item.members)} members by ${span(item.messages)} messages`,
      );
      return (
        `${facts.origin} logged on ${facts.stated} its answer to the case ${short(facts.case)}, as` +
        ` of ${facts.as_of}, over tables of these digests: ${cohorts.join("; ")}`
      );
    },
    limits: () => [
      "that the tables are complete or true; alleged, not found, and not legal advice",
      "that these tables give these results (`byleave case verify` runs the case again)",
    ],
  };

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

  root.byleaveVerify = {
    verify,
    encode,
    decode,
    ed25519,
    kinds: Object.keys(CLAIMS),
    internals: { checkNote, parseTrust, parseEntry, rootFromInclusion, verifyVrf, labelOf, toHex, fromHex, Bad, Refused },
    preferOwnArithmetic(value) {
      ownArithmetic = value;
    },
  };
})(globalThis);
if (typeof module !== "undefined") module.exports = globalThis.byleaveVerify;
