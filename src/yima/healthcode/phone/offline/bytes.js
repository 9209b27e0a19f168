// Bytes from text, strictly: base45 (RFC 9285), base64url (RFC 4648 section 5, unpadded), UTF-8, and zlib or raw DEFLATE with a cap.

import { Refused } from "./refused.js";

const BASE45 = new Map([..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"].map((char, value) => [char, value]));
const BASE64URL = /^[A-Za-z0-9_-]*$/u;

/** The bytes of base45 text; refuses lower case, a rest of one character, and groups beyond 65535 or 255. */
export function fromBase45(text) {
  if (text.length % 3 === 1) throw new Refused("code-unreadable", "base45-length");
  const out = new Uint8Array(Math.floor(text.length / 3) * 2 + (text.length % 3 ? 1 : 0));
  let at = 0;
  for (let i = 0; i < text.length; i += 3) {
    const whole = i + 2 < text.length;
    const [low, middle, high] = [value45(text[i]), value45(text[i + 1]), whole ? value45(text[i + 2]) : 0];
    const n = low + middle * 45 + high * 2025;
    if (n > (whole ? 0xffff : 0xff)) throw new Refused("code-unreadable", "base45-overflow");
    if (whole) out[at++] = n >> 8;
    out[at++] = n & 0xff;
  }
  return out;
}

function value45(char) {
  const value = BASE45.get(char);
  if (value === undefined) throw new Refused("code-unreadable", "base45-alphabet");
  return value;
}

/** The bytes of base64url text without padding; `code` is the refusal when it is something else. */
export function fromBase64Url(text, code = "code-unreadable") {
  if (typeof text !== "string" || !BASE64URL.test(text) || text.length % 4 === 1) throw new Refused(code, "base64url");
  const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  if (toBase64Url(bytes) !== text) throw new Refused(code, "base64url"); // bits after the last byte must be zero
  return bytes;
}

/** Bytes as base64url without padding. */
export function toBase64Url(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/u, "");
}

/** Bytes as lower-case hex. */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Text from UTF-8; malformed bytes are refused. */
export function fromUtf8(bytes, code = "code-unreadable") {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(code, "utf-8");
  }
}

/** UTF-8 of a text. */
export const toUtf8 = (text) => new TextEncoder().encode(text);

/** Bytes one after another. */
export function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Inflated bytes. `format` is "deflate" (zlib, RFC 1950) or "deflate-raw" (RFC 1951). Refuses more than `cap` bytes, a
 * stream that is cut short, and bytes after its end.
 */
export async function inflated(bytes, format, cap, code = "code-unreadable") {
  const whole = await inflatedUpTo(bytes, format, cap);
  // Not every engine minds bytes after the end: where the stream is already whole without its last byte, there are some.
  if (!whole || (await inflatedUpTo(bytes.subarray(0, -1), format, cap))) throw new Refused(code, "inflate");
  return whole;
}

async function inflatedUpTo(bytes, format, cap) {
  const stream = new DecompressionStream(format);
  const writer = stream.writable.getWriter();
  writer.write(bytes).catch(() => undefined); // the reader below hears of the trouble
  writer.close().catch(() => undefined);
  const reader = stream.readable.getReader();
  const parts = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > cap) {
        reader.cancel().catch(() => undefined);
        return undefined;
      }
      parts.push(part.value);
    }
  } catch {
    return undefined;
  }
  return joined(...parts);
}
