// One question for both algorithms: did this key sign these bytes? Signatures are r|s, 64 bytes, as in JOSE and COSE.

import { toBase64Url } from "./bytes.js";
import { verifySm2 } from "./sm2.js";

/** Whether `signature` over `message` is the key's. `key` is {algorithm: "ES256" | "SM2", x, y} with 32-byte coordinates. Never throws. */
export async function verified(key, message, signature) {
  if (signature.length !== 64) return false;
  if (key.algorithm === "SM2") return verifySm2(key.x, key.y, message, signature);
  if (key.algorithm !== "ES256") return false;
  const jwk = { kty: "EC", crv: "P-256", x: toBase64Url(key.x), y: toBase64Url(key.y) };
  try {
    const imported = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, signature, message);
  } catch {
    return false; // not a point of the curve
  }
}
