// The device-signed code of docs/healthcode/device-code.md: reading it. Its parts stand at fixed places; the name is what is left.

import { fromBase45, fromUtf8, joined, toHex, toUtf8 } from "./bytes.js";
import { decompressed } from "./point.js";
import { Refused } from "./refused.js";

export const DEVICE_PREFIX = "YM2:";

const FIXED = 187; // all but the name
const LONGEST_NAME = 48;
const FRESH = 68; // time and the phone's signature
const ALGORITHMS = new Map([[1, "ES256"], [2, "SM2"]]);
const SEXES = new Map([[0, "unknown"], [1, "male"], [2, "female"], [9, "other"]]); // GB/T 2261.1
const CERTIFICATE = toUtf8("yima device certificate 1");
const CODE = toUtf8("yima device code 1");
const CONTROL = /\p{Cc}/u;

/** The parts of a device-signed text; refuses with `code-unreadable` what is not one. Signatures are not checked here. */
export function readDevice(text) {
  const bytes = fromBase45(text.slice(DEVICE_PREFIX.length));
  const named = bytes.length - FIXED;
  if (named < 0 || named > LONGEST_NAME) throw wrong("length");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const algorithm = ALGORITHMS.get(bytes[0] & 15);
  if (bytes[0] >> 4 !== 1 || !algorithm) throw wrong("form");
  const [hours, born] = [view.getUint16(13), view.getUint16(53)];
  const sex = SEXES.get(born & 15);
  // What is no point of the curve has signed nothing: it is found where signatures are checked.
  const key = decompressed(bytes.subarray(20, 53)) ?? { x: new Uint8Array(), y: new Uint8Array() };
  const name = fromUtf8(bytes.subarray(55, 55 + named));
  const form = bytes[20];
  if (hours < 1 || hours > 744 || sex === undefined || CONTROL.test(name) || (form !== 2 && form !== 3)) throw wrong("field");
  const issued = view.getUint32(9);
  const signed = 55 + named; // where the issuer's signature begins
  return {
    algorithm,
    keyId: toHex(bytes.subarray(1, 9)),
    issued,
    expires: issued + hours * 3600,
    shard: view.getUint16(15),
    index: bytes[17] * 65536 + view.getUint16(18),
    deviceKey: { algorithm: "ES256", ...key },
    name,
    birthYear: born >> 4,
    sex,
    shown: view.getUint32(bytes.length - FRESH),
    issuerSigned: joined(CERTIFICATE, bytes.subarray(0, signed)),
    issuerSignature: bytes.slice(signed, signed + 64),
    deviceSigned: joined(CODE, bytes.subarray(0, bytes.length - 64)),
    deviceSignature: bytes.slice(bytes.length - 64),
  };
}

const wrong = (why) => new Refused("code-unreadable", `device-${why}`);
