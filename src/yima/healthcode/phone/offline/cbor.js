// A strict reader of deterministic CBOR (RFC 8949 section 4.2.1) for credentials: what our issuer writes and nothing more.
// Maps become Map, byte strings Uint8Array, integers Number, tags Tagged. Refused: indefinite lengths, integers longer than they need
// to be, double keys, floats, deep nesting, more bytes than were announced, bytes after the end.

import { Refused } from "./refused.js";

const DEEPEST = 8;
const MOST_ITEMS = 4096;
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
    if (kind === 1) return -1 - n;
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
    let n = 0;
    for (let i = 0; i < size; i++) n = n * 256 + this.view.getUint8(start + i);
    if (!Number.isSafeInteger(n)) throw wrong("integer");
    if (n < (size === 1 ? 24 : 2 ** (4 * size))) throw wrong("shortest"); // it fitted the next shorter form
    return n;
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

/** The head of a value: `kind` as in section 3.1, `n` its argument. */
function head(kind, n) {
  if (n < 24) return [(kind << 5) | n];
  if (n < 0x100) return [(kind << 5) | 24, n];
  if (n < 0x10000) return [(kind << 5) | 25, n >> 8, n & 0xff];
  return [(kind << 5) | 26, n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff];
}

/** Deterministic CBOR of numbers (32 bits), text, bytes, arrays, and Maps whose keys are already in order. */
export function toCbor(value) {
  if (typeof value === "number") return Uint8Array.from(value < 0 ? head(1, -1 - value) : head(0, value));
  if (typeof value === "string") return withHead(3, new TextEncoder().encode(value));
  if (value instanceof Uint8Array) return withHead(2, value);
  const parts = Array.isArray(value) ? value.map(toCbor) : [...value].flat().map(toCbor);
  return Uint8Array.from([...head(Array.isArray(value) ? 4 : 5, Array.isArray(value) ? value.length : value.size), ...parts.flatMap((part) => [...part])]);
}

function withHead(kind, bytes) {
  const start = head(kind, bytes.length);
  const out = new Uint8Array(start.length + bytes.length);
  out.set(start);
  out.set(bytes, start.length);
  return out;
}
