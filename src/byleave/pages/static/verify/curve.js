/* Ed25519 and the VRF in plain arithmetic, for public data (RFC 8032, RFC 9381). */

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
