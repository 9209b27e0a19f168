// JSON Web Signatures in compact form (RFC 7515), as healthcode/trust/jws.py writes them: ES256, or SM2 under that private name.

import { fromBase64Url, fromUtf8, toUtf8 } from "./bytes.js";
import { Refused } from "./refused.js";
import { verified } from "./signature.js";

const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/u;
const LONGEST = 16 * 1024 * 1024;

const wrong = (why) => new Refused("not-trusted", `jws-${why}`);

/** A token taken apart: {header, claims, isBy(key)}; nothing of it is believed before `isBy` says so. */
export function readJws(text) {
  if (text.length > LONGEST || !FORM.test(text)) throw wrong("form");
  const [head, payload, signature] = text.split(".");
  const header = parsed(head);
  if ("crit" in header) throw wrong("critical");
  return {
    header,
    claims: parsed(payload),
    isBy: async (key) => header.alg === key.algorithm
      && verified(key, toUtf8(`${head}.${payload}`), fromBase64Url(signature, "not-trusted")),
  };
}

function parsed(part) {
  let value;
  try {
    value = JSON.parse(fromUtf8(fromBase64Url(part, "not-trusted"), "not-trusted"));
  } catch {
    throw wrong("json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("json");
  return value;
}
