// A strict reader of deterministic CBOR (RFC 8949 section 4.2.1) for credentials: what our issuer writes and nothing more.
// Maps become Map, byte strings Uint8Array, integers Number (BigInt beyond 2^53), tags Tagged. Refused: indefinite lengths, integers longer than they need
// to be, double keys, floats, deep nesting, more bytes than were announced, bytes after the end.

import { Refused } from "./refused.js";

const DEEPEST = 8;
const MOST_ITEMS = 4096;
const LARGEST = 2n ** 53n - 2n; // so that -1 - n is exact too
const SIMPLE = new Map([[20, false], [21, true], [22, null]]);

/** A tagged value (section 3.4). */
export class Tagged {
  constructor(tag, value) {
    this.tag = tag;
    this.value = value;
  }
}

const wrong = (why) => new Refused("code-unreadable", `cbor-${why}`);

/** The one value that these bytes are. */
export function fromCbor(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw wrong("trailing");
  return value;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.items = 0;
  }

  value(depth) {
    this.items += 1;
    if (depth > DEEPEST || this.items > MOST_ITEMS) throw wrong("limit");
    const first = this.take(1)[0];
    const [kind, info] = [first >> 5, first & 31];
    if (kind === 7) return this.simple(info);
    const n = this.argument(info);
    if (kind === 0) return n;
    if (kind === 1) return typeof n === "bigint" ? -1n - n : -1 - n;
    if (typeof n === "bigint") throw wrong("limit");
    if (kind === 2) return this.take(n).slice();
    if (kind === 3) return this.text(n);
    if (kind === 4) return this.array(n, depth);
    if (kind === 5) return this.map(n, depth);
    return new Tagged(n, this.value(depth + 1));
  }

  argument(info) {
    if (info < 24) return info;
    if (info > 27) throw wrong("indefinite");
    const size = 1 << (info - 24);
    const start = this.at;
    this.take(size);
    let n = 0n;
    for (let i = 0; i < size; i++) n = n * 256n + BigInt(this.view.getUint8(start + i));
    if (n < (size === 1 ? 24n : 1n << BigInt(4 * size))) throw wrong("shortest"); // it fitted the next shorter form
    return n <= LARGEST ? Number(n) : n;
  }

  take(n) {
    if (n > this.bytes.length - this.at) throw wrong("short");
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  text(n) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(n));
    } catch {
      throw wrong("text");
    }
  }

  array(n, depth) {
    if (n > MOST_ITEMS) throw wrong("limit");
    const out = [];
    for (let i = 0; i < n; i++) out.push(this.value(depth + 1));
    return out;
  }

  map(n, depth) {
    if (n > MOST_ITEMS) throw wrong("limit");
    const out = new Map();
    for (let i = 0; i < n; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== "number" && typeof key !== "string") throw wrong("key");
      if (out.has(key)) throw wrong("double");
      out.set(key, this.value(depth + 1));
    }
    return out;
  }

  simple(info) {
    if (!SIMPLE.has(info)) throw wrong("simple");
    return SIMPLE.get(info);
  }
}
