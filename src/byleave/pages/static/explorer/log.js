/* A published log, read and recomputed where you are (docs/spec/log.md, docs/spec/explorer.md).

     byleaveLog.open(read, trust, tell) -> Promise of a log, or of what does not hold
         read(path, most): Promise of the bytes of a file of the log; null where there is none
         trust: the trust file's bytes;  tell(done, all): called now and then

   Checkpoint, tiles, entries, in the order and under the codes of `byleave log fsck --from`. Every
   hash of the log is taken again, in slices of a few milliseconds: a browser's own SHA-256 answers
   one message at a time, too slow for a million of them, so these few lines do it. Entries stay
   where they are and are read again when they are shown; what is kept is their hashes and kinds. */
"use strict";
(function (root) {
  const { checkNote, parseTrust, parseEntry, Refused, toHex } = root.byleaveVerify.internals;
  const WIDTH = 256;
  const HASH = 32;
  const MOST = 1 << 22;
  const MOST_FILE = WIDTH * (2 + 65535);
  const MOST_NOTE = 1 << 20;
  const MOST_PROBLEMS = 100;
  const SLICE = 25;
  const utf8 = new TextDecoder("utf-8", { fatal: true });

  const refuse = (message, code, where) => {
    throw Object.assign(new Refused(message, code), { where });
  };

  // --- SHA-256 (FIPS 180-4) --------------------------------------------------------------------

  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (value) => (value - Math.floor(value)) * 2 ** 32;
  const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)) | 0);
  const FIRST = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)) | 0);
  const scratch = new Uint8Array(1 + 65535 + 73);
  const view = new DataView(scratch.buffer);
  const w = new Int32Array(64);
  const state = new Int32Array(8);
  const turned = (x, n) => (x >>> n) | (x << (32 - n));

  const block = (from) => {
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(from + 4 * t);
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15];
      const y = w[t - 2];
      w[t] =
        (w[t - 16] + w[t - 7] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) +
          (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let t = 0; t < 64; t++) {
      const one =
        (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    const next = [a, b, c, d, e, f, g, h];
    for (let n = 0; n < 8; n++) state[n] = (state[n] + next[n]) | 0;
  };
  /** Hash the first `length` bytes of `scratch` into `out`. */
  const finish = (length, out, to) => {
    const end = (length + 72) & ~63;
    scratch.fill(0, length, end);
    scratch[length] = 128;
    view.setUint32(end - 4, length * 8);
    state.set(FIRST);
    for (let from = 0; from < end; from += 64) block(from);
    const target = new DataView(out.buffer, out.byteOffset + to, HASH);
    for (let n = 0; n < 8; n++) target.setInt32(4 * n, state[n]);
  };
  const hashLeaf = (bytes, out, to) => {
    scratch[0] = 0;
    scratch.set(bytes, 1);
    finish(1 + bytes.length, out, to);
  };
  /** Hash the two nodes that stand at `from` into `out`. */
  const hashPair = (nodes, from, out, to) => {
    scratch[0] = 1;
    scratch.set(nodes.subarray(from, from + 2 * HASH), 1);
    finish(1 + 2 * HASH, out, to);
  };
  const hashTwo = (left, right) => {
    const pair = new Uint8Array(2 * HASH);
    pair.set(left);
    pair.set(right, HASH);
    const out = new Uint8Array(HASH);
    hashPair(pair, 0, out, 0);
    return out;
  };

  // --- the tree --------------------------------------------------------------------------------

  /** Return the complete nodes above some: half as many. */
  const above = (nodes) => {
    const out = new Uint8Array((nodes.length >> 6) * HASH);
    for (let to = 0; to < out.length; to += HASH) hashPair(nodes, 2 * to, out, to);
    return out;
  };
  const nodeAt = (nodes, index) => nodes.subarray(index * HASH, (index + 1) * HASH);
  const isSame = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
  const topOf = (tile) => {
    let nodes = tile;
    while (nodes.length > HASH) nodes = above(nodes);
    return nodes;
  };
  const power = (count) => 2 ** Math.ceil(Math.log2(count) - 1);

  /** Return the hash over leaves [start, end) out of the levels of complete nodes. */
  const rangeHash = (levels, start, end) => {
    const count = end - start;
    const height = Math.log2(count);
    if (Number.isInteger(height) && start % count === 0)
      return nodeAt(levels[height], start / count);
    const half = power(count);
    return hashTwo(rangeHash(levels, start, start + half), rangeHash(levels, start + half, end));
  };
  const pathOf = (levels, index, start, end) => {
    if (end - start === 1) return [];
    const middle = start + power(end - start);
    return index < middle
      ? [...pathOf(levels, index, start, middle), rangeHash(levels, middle, end)]
      : [...pathOf(levels, index, middle, end), rangeHash(levels, start, middle)];
  };

  // --- files -----------------------------------------------------------------------------------

  const place = (index, width) => {
    const digits = (value) => String(value).padStart(3, "0");
    let text = digits(index % 1000);
    for (let left = Math.floor(index / 1000); left; left = Math.floor(left / 1000))
      text = `x${digits(left % 1000)}/${text}`;
    return width === WIDTH ? text : `${text}.p/${width}`;
  };
  /** Read a file of the log; the beginning of a whole one takes the place of a partial one. */
  const fetchFile = async (read, folder, index, width, cut) => {
    const path = `tile/${folder}/${place(index, width)}`;
    let bytes = await read(path, MOST_FILE);
    if (bytes === null && width < WIDTH) {
      bytes = await read(`tile/${folder}/${place(index, WIDTH)}`, MOST_FILE);
      if (bytes !== null) bytes = cut(bytes);
    }
    if (bytes === null) refuse("a file of the log is not there", "log.tile-missing", path);
    return bytes;
  };
  const readTile = async (read, level, index, width) => {
    const length = width * HASH;
    const bytes = await fetchFile(read, level, index, width, (whole) => whole.slice(0, length));
    if (bytes.length !== length)
      refuse("a tile is damaged", "log.tile-damaged", `tile/${level}/${place(index, width)}`);
    return bytes;
  };
  const bundleAt = (index, width) => `tile/entries/${place(index, width)}`;
  const readBundle = async (read, index, width) => {
    const entries = [];
    const decode = (data) => {
      entries.length = 0;
      let at = 0;
      while (at + 1 < data.length && entries.length < width) {
        const end = at + 2 + ((data[at] << 8) | data[at + 1]);
        if (end > data.length) break;
        entries.push(data.subarray(at + 2, end));
        at = end;
      }
      return data.subarray(0, at);
    };
    const data = await fetchFile(read, "entries", index, width, decode);
    if (decode(data).length !== data.length || entries.length !== width)
      refuse("a bundle does not hold its entries", "log.entry-damaged", bundleAt(index, width));
    return entries;
  };

  // --- opening ---------------------------------------------------------------------------------

  const widthOf = (count, index) => Math.min(WIDTH, count - index * WIDTH);
  const pauser = () => {
    let since = performance.now();
    return async () => {
      if (performance.now() - since < SLICE) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
      since = performance.now();
    };
  };

  /** Collect what does not hold, as fsck does, and go on. */
  class Problems {
    constructor() {
      this.list = [];
    }

    async attempt(where, act) {
      if (this.list.length >= MOST_PROBLEMS) return;
      try {
        await act();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.list.push({ code: error.code, where: error.where || where, message: error.message });
      }
    }
  }

  /** Read the tiles of every level, from the top: each is what the one above says. */
  const readTiles = async (read, at, problems, step) => {
    const size = Number(at.size);
    const counts = [];
    for (let count = size; count; count = Math.floor(count / WIDTH)) counts.push(count);
    const levels = counts.map((count) => new Uint8Array(count * HASH));
    const bad = counts.map(() => new Set());
    const put = (level, index, bytes) => levels[level].set(bytes, index * WIDTH * HASH);
    for (const [level, count] of counts.entries())
      if (count % WIDTH) {
        const last = Math.floor(count / WIDTH);
        put(level, last, await readTile(read, level, last, count % WIDTH));
      }
    const peaks = [];
    for (let height = 0; 2 ** height <= size; height++) {
      if (Math.floor(size / 2 ** height) % 2 === 0) continue;
      const level = Math.floor(height / 8);
      const width = 2 ** (height % 8);
      const end = Math.floor(size / 2 ** height) * width;
      peaks.push(topOf(levels[level].subarray((end - width) * HASH, end * HASH)));
    }
    let top = peaks.shift();
    while (peaks.length) top = hashTwo(peaks.shift(), top);
    if (toHex(top) !== at.root) refuse("tiles do not lead to the root", "log.tile-damaged", "tile");
    for (let level = counts.length - 2; level >= 0; level--)
      for (let index = 0; index < Math.floor(counts[level] / WIDTH); index++) {
        await step();
        const isBad = bad[level + 1].has(Math.floor(index / WIDTH));
        bad[level].add(index);
        await problems.attempt(`tile/${level}/${place(index, WIDTH)}`, async () => {
          if (isBad) return;
          const tile = await readTile(read, level, index, WIDTH);
          if (!isSame(topOf(tile), nodeAt(levels[level + 1], index)))
            refuse("a tile is damaged", "log.tile-damaged");
          put(level, index, tile);
          bad[level].delete(index);
        });
      }
    return { leaves: levels[0], bad: bad[0] };
  };

  /** Read every entry against its leaf hash; return which kind each is of. */
  const readEntries = async (read, size, { leaves, bad }, problems, step) => {
    const kinds = new Map();
    const kindOf = new Uint8Array(size);
    const hash = new Uint8Array(HASH);
    for (let index = 0; index * WIDTH < size; index++) {
      await step();
      if (bad.has(index)) continue;
      const width = widthOf(size, index);
      await problems.attempt(bundleAt(index, width), async () => {
        const entries = await readBundle(read, index, width);
        for (const [offset, bytes] of entries.entries()) {
          const number = index * WIDTH + offset;
          hashLeaf(bytes, hash, 0);
          if (!isSame(hash, nodeAt(leaves, number)))
            refuse("an entry is not the one logged", "log.entry-damaged");
          parseEntry(bytes, null);
          const { kind } = JSON.parse(utf8.decode(bytes));
          if (!kinds.has(kind)) kinds.set(kind, kinds.size);
          kindOf[number] = kinds.get(kind);
        }
      });
    }
    return { kinds: [...kinds.keys()], kindOf };
  };

  class Log {
    constructor(read, at, note, leaves, { kinds, kindOf }) {
      this.origin = at.origin;
      this.size = Number(at.size);
      this.root = at.root;
      this.witnesses = at.witnesses;
      this.newest = at.newest === null ? null : Number(at.newest);
      this.kinds = kinds;
      this.kindOf = kindOf;
      this.note = note;
      this.read = read;
      this.levels = [leaves];
      while (this.levels.at(-1).length >= 2 * HASH) this.levels.push(above(this.levels.at(-1)));
    }

    leaf(index) {
      return toHex(nodeAt(this.levels[0], index));
    }

    async bundle(index) {
      const number = Math.floor(index / WIDTH);
      if (this.held?.number !== number) {
        const entries = await readBundle(this.read, number, widthOf(this.size, number));
        const hash = new Uint8Array(HASH);
        for (const [offset, bytes] of entries.entries()) {
          hashLeaf(bytes, hash, 0);
          if (toHex(hash) !== this.leaf(number * WIDTH + offset))
            refuse("an entry is not the one logged", "log.entry-damaged");
        }
        this.held = { number, entries };
      }
      return this.held.entries;
    }

    /** Return one entry: its fields, its bytes, its leaf hash. */
    async entry(index) {
      const bytes = (await this.bundle(index))[index % WIDTH];
      const fields = JSON.parse(utf8.decode(bytes));
      return { index, kind: fields.kind, fields, bytes, leaf: this.leaf(index) };
    }

    /** Return entries below `before`, newest first: of a kind, holding a text, at most `count`. */
    async part({ before = null, count = 50, kind = null, find = null, step = null }) {
      const lines = [];
      const wanted = kind === null ? -1 : this.kinds.indexOf(kind);
      const rest = step || pauser();
      let at = before === null ? this.size : Math.max(0, Math.min(before, this.size));
      while (at > 0 && lines.length < count) {
        at--;
        if (at % WIDTH === 0) await rest(at);
        if (kind !== null && this.kindOf[at] !== wanted) continue;
        if (find !== null && this.leaf(at) !== find) {
          const bytes = (await this.bundle(at))[at % WIDTH];
          if (!utf8.decode(bytes).includes(find)) continue;
        }
        lines.push(await this.entry(at));
      }
      return { lines, older: at || null };
    }

    /** Return the proof that an entry is under this checkpoint, as a C2SP tlog-proof. */
    proof(index) {
      const hashes = pathOf(this.levels, index, 0, this.size);
      const lines = hashes.map((hash) => `${btoa(String.fromCharCode(...hash))}\n`).join("");
      return `c2sp.org/tlog-proof@v1\nindex ${index}\n${lines}\n${this.note}`;
    }
  }

  /** Open a log: {log} where everything holds, else {problems}; both have what is known of it. */
  const open = async (read, trustBytes, tell = () => {}) => {
    const problems = new Problems();
    const found = { log: null, problems: problems.list, at: null };
    let trust = null;
    await problems.attempt("trust file", async () => {
      trust = await parseTrust(trustBytes);
    });
    if (trust === null) return found;
    let note = null;
    await problems.attempt("checkpoint", async () => {
      note = await read("checkpoint", MOST_NOTE);
      if (note === null) refuse("there is no checkpoint here", "log.no-checkpoint");
      found.at = await checkNote(trust, note);
      if (found.at.size > BigInt(MOST))
        refuse("too long for a page; run: byleave log fsck --from", "log.too-long");
    });
    if (problems.list.length) return found;
    const size = Number(found.at.size);
    const all = 2 * Math.ceil(size / WIDTH);
    const pause = pauser();
    let done = 0;
    const step = async () => {
      tell(Math.min(++done, all), all);
      await pause();
    };
    let tiles = null;
    await problems.attempt("tile", async () => {
      tiles = size
        ? await readTiles(read, found.at, problems, step)
        : { leaves: new Uint8Array(0), bad: new Set() };
    });
    if (tiles === null) return found;
    const entries = await readEntries(read, size, tiles, problems, step);
    if (!problems.list.length)
      found.log = new Log(read, found.at, utf8.decode(note), tiles.leaves, entries);
    return found;
  };

  root.byleaveLog = { open, sha256: (bytes) => {
    const out = new Uint8Array(HASH);
    scratch.set(bytes);
    finish(bytes.length, out, 0);
    return toHex(out);
  } };
})(globalThis);
if (typeof module !== "undefined") module.exports = globalThis.byleaveLog;
