// COSE_Sign1 (RFC 9052, section 4.2) as our credentials use it: algorithm and key id in the
// protected header, one signature of 64 bytes.

import { fromCbor, Tagged } from "./cbor.js";
import { joined, toHex } from "./bytes.js";
import { Refused } from "./refused.js";

const SIGN1 = 18;
const [ALGORITHM, CRITICAL, KEY_ID] = [1, 2, 4];
const ES256 = -7;
const CONTEXT = Uint8Array.of(0x84, 0x6a, ...new TextEncoder().encode("Signature1")); // Sig_structure, section 4.4

const wrong = (why) => new Refused("code-unreadable", `cose-${why}`);

/** A message taken apart: {algorithm, keyId (hex), payload, signature, signed}; nothing of it is believed yet. */
export function readSign1(bytes, sm2Algorithm) {
  const tagged = fromCbor(bytes);
  const parts = tagged instanceof Tagged && tagged.tag === SIGN1 ? tagged.value : tagged;
  if (!Array.isArray(parts) || parts.length !== 4) throw wrong("form");
  const [protectedBytes, unprotected, payload, signature] = parts;
  const strings = [protectedBytes, payload, signature].every((part) => part instanceof Uint8Array);
  if (!strings || !(unprotected instanceof Map)) throw wrong("parts");
  const header = fromCbor(protectedBytes);
  if (!(header instanceof Map)) throw wrong("header");
  const doubled = [...unprotected.keys()].some((label) => header.has(label));
  if (doubled || header.has(CRITICAL) || unprotected.has(CRITICAL)) throw wrong("header");
  const keyId = header.get(KEY_ID);
  const algorithm = { [ES256]: "ES256", [sm2Algorithm]: "SM2" }[header.get(ALGORITHM)];
  if (!algorithm || !(keyId instanceof Uint8Array)) throw wrong("header");
  return {
    algorithm,
    keyId: toHex(keyId),
    payload,
    signature,
    signed: joined(CONTEXT, byteString(protectedBytes), byteString(new Uint8Array()), byteString(payload)),
  };
}

/** Bytes as a CBOR byte string in its shortest form (RFC 8949, section 3.1). */
function byteString(bytes) {
  const n = bytes.length;
  if (n < 24) return joined(Uint8Array.of(0x40 | n), bytes);
  if (n < 0x100) return joined(Uint8Array.of(0x58, n), bytes);
  if (n < 0x10000) return joined(Uint8Array.of(0x59, n >> 8, n & 0xff), bytes);
  return joined(Uint8Array.of(0x5a, n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff), bytes);
}
