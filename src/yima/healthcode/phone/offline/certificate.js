// X.509 certificates (RFC 5280) of the profile that healthcode/trust/certificate.py writes: read, and checked up to a pinned root.
// DER (ITU-T X.690) in definite lengths and shortest forms. `not-trusted` is what a browser says to anything else.

import { joined, toHex } from "./bytes.js";
import { Refused } from "./refused.js";
import { verified } from "./signature.js";

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const TRUE = "0101ff";
const PUBLIC_KEYS = new Map([ // AlgorithmIdentifier of the key, hex: id-ecPublicKey with P-256 or the SM2 curve
  ["06072a8648ce3d020106082a8648ce3d030107", "ES256"],
  ["06072a8648ce3d020106082a811ccf5501822d", "SM2"],
]);
const SIGNED_WITH = new Map([["06082a8648ce3d040302", "ES256"], ["06082a811ccf55018375", "SM2"]]);
const [KEY_USAGE, CONSTRAINTS, EXTENDED_USAGE, SUBJECT_KEY, AUTHORITY_KEY] = ["0603551d0f", "0603551d13", "0603551d25", "0603551d0e", "0603551d23"];
const CA_USAGE = "03020106";
const SIGNER_USAGE = "03020780";
const USE_ARC = oid("2.25.211830419253217560473918025446183049217"); // trust/certificate.py, _USE_ARC
const USES = ["identity", "shc", "device", "status-list", "trust-list", "facility"]; // arc 1 is the first

const wrong = (why) => new Refused("not-trusted", `certificate-${why}`);

/** The certificate that these DER bytes are; nothing of it is believed before `rooted`. Times are seconds since 1970. */
export function readCertificate(der) {
  const [tbs, signedWith, signature, ...rest] = elements(only(der, SEQUENCE));
  if (rest.length || signature?.tag !== BIT_STRING || signature.content[0] !== 0) throw wrong("form");
  const fields = elements(tbs.content);
  const tags = fields.map((field) => field.tag).join();
  if (tags !== "160,2,48,48,48,48,48,163" || toHex(fields[0].content) !== "020102") throw wrong("profile");
  const algorithm = SIGNED_WITH.get(toHex(signedWith.content));
  if (!algorithm || toHex(fields[2].whole) !== toHex(signedWith.whole)) throw wrong("algorithm");
  const [notBefore, notAfter] = elements(fields[4].content).map(moment);
  return {
    algorithm,
    issuer: toHex(fields[3].whole),
    subject: toHex(fields[5].whole),
    notBefore,
    notAfter,
    key: publicKey(fields[6].content),
    ...extensions(only(fields[7].content, SEQUENCE)),
    tbs: tbs.whole,
    signature: rawSignature(signature.content.subarray(1)),
  };
}

/** Whether signer and issuer CA lead to one of the pinned roots; the CAs must be in date, the signer's dates are the caller's. */
export async function rooted([signer, issuer, ...rest], roots, now) {
  if (!signer || !issuer || rest.length || signer.isCa || !(await follows(signer, issuer, now))) return false;
  for (const root of roots) {
    if (await follows(issuer, root, now)) return true;
  }
  return false;
}

async function follows(below, above, now) {
  return above.isCa && below.issuer === above.subject && below.algorithm === above.key.algorithm
    && above.notBefore <= now && now < above.notAfter && verified(above.key, below.tbs, below.signature);
}

/** The 8 bytes, hex, by which credentials name the holder of this certificate (DER). */
export async function keyIdOf(der) {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", der)).subarray(0, 8));
}

function publicKey(content) {
  const [named, point, ...rest] = elements(content);
  const algorithm = PUBLIC_KEYS.get(toHex(named.content));
  const bytes = point?.content;
  if (rest.length || !algorithm || point.tag !== BIT_STRING || bytes.length !== 66 || bytes[0] !== 0 || bytes[1] !== 4) throw wrong("key");
  return { algorithm, x: bytes.slice(2, 34), y: bytes.slice(34) };
}

function extensions(content) {
  let [isCa, use, usage] = [false, "", ""];
  const seen = new Set();
  for (const { content: extension } of elements(content)) {
    const parts = elements(extension);
    const name = toHex(parts[0].whole);
    const value = parts[parts.length - 1];
    const critical = parts.length === 3;
    if (seen.has(name) || value.tag !== 0x04 || (critical && toHex(parts[1].whole) !== TRUE)) throw wrong("extension");
    seen.add(name);
    if (name === CONSTRAINTS) isCa = toHex(only(value.content, SEQUENCE)).startsWith(TRUE);
    else if (name === KEY_USAGE) usage = toHex(value.content);
    else if (name === EXTENDED_USAGE) use = elements(only(value.content, SEQUENCE)).map(useOf).find(Boolean) ?? "";
    else if (critical && name !== SUBJECT_KEY && name !== AUTHORITY_KEY) throw wrong("critical");
  }
  if (usage !== (isCa ? CA_USAGE : SIGNER_USAGE)) throw wrong("usage");
  return { isCa, use };
}

function useOf({ tag, content }) {
  const arc = toHex(content);
  return tag === 0x06 && arc.startsWith(USE_ARC) && arc.length === USE_ARC.length + 2 ? USES[content[content.length - 1] - 1] : undefined;
}

// RFC 5280, section 4.1.2.5: UTCTime of 1950 to 2049, GeneralizedTime after
function moment({ tag, content }) {
  let text = String.fromCharCode(...content);
  if (tag === 0x17) text = (text < "50" ? "20" : "19") + text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/u.exec(text);
  if (!parts || (tag !== 0x17 && tag !== 0x18)) throw wrong("time");
  const [year, month, ...later] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...later) / 1000;
}

// RFC 3279, section 2.2.3: a SEQUENCE of two INTEGERs, here as r|s of 64 bytes
function rawSignature(der) {
  const numbers = elements(only(der, SEQUENCE));
  if (numbers.length !== 2) throw wrong("signature");
  return joined(...numbers.map(({ tag, content }) => {
    const bytes = content[0] === 0 ? content.subarray(1) : content;
    const negative = content[0] > 0x7f;
    const padded = content[0] === 0 && content[1] < 0x80;
    if (tag !== 0x02 || negative || padded || !bytes.length || bytes.length > 32) throw wrong("signature");
    return joined(new Uint8Array(32 - bytes.length), bytes);
  }));
}

/** The content of the one element that these bytes are. */
function only(bytes, tag) {
  const found = elements(bytes);
  if (found.length !== 1 || found[0].tag !== tag) throw wrong("element");
  return found[0].content;
}

/** The elements of a body: {tag, content, whole}. */
function elements(body) {
  const out = [];
  for (let at = 0; at < body.length;) {
    let [size, start] = [body[at + 1], at + 2];
    if (size >= 0x80) {
      const width = size - 0x80;
      size = body.subarray(start, start + width).reduce((sum, byte) => sum * 256 + byte, 0);
      start += width;
      if (width < 1 || width > 3 || size < (width === 1 ? 0x80 : 256 ** (width - 1))) throw wrong("length");
    }
    if (size === undefined || start + size > body.length) throw wrong("length");
    out.push({ tag: body[at], content: body.subarray(start, start + size), whole: body.subarray(at, start + size) });
    at = start + size;
  }
  return out;
}

/** The content of an OBJECT IDENTIFIER, hex; arcs may be beyond 2^53. */
function oid(dotted) {
  const [first, second, ...rest] = dotted.split(".").map(BigInt);
  const bytes = [first * 40n + second, ...rest].flatMap((arc) => {
    const out = [Number(arc & 127n)];
    for (let left = arc >> 7n; left; left >>= 7n) out.unshift(Number(left & 127n) | 128);
    return out;
  });
  return toHex(bytes);
}
