/* Bytes, hashes, the one encoding of JSON (docs/spec/proof-file.md), fields and words. */

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

const MAX_ITEMS = 1 << 20;
/** Say whether there are more commas and opening brackets than a file may have. */
const isCrowded = (bytes) => {
  if (bytes.length <= MAX_ITEMS) return false;
  let items = 0;
  for (const byte of bytes) if (byte === 0x2c || byte === 0x5b || byte === 0x7b) items += 1;
  return items > MAX_ITEMS;
};

/** Read bytes that are in the one encoding; anything else is `Bad`. */
const decode = (bytes) => {
  if (isCrowded(bytes)) bad();
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
