// Checks an offline credential in a browser: the same steps, in the same order and with the same refusals, as
// yima/healthcode/offline/verify.py. Nothing is fetched, kept or logged here; time and lists are arguments.

import { fromBase45, inflated } from "./bytes.js";
import { readClaims } from "./claims.js";
import { readSign1 } from "./cose.js";
import { DEVICE_PREFIX, readDevice } from "./device.js";
import { Refused } from "./refused.js";
import { readHealthCard, SHC_PREFIX } from "./shc.js";
import { verified } from "./signature.js";

const HC1_PREFIX = "HC1:";
const CODE_PREFIX = "YM1:";
const LONGEST = 8000; // characters; the largest code that scanners read has 7,089
const INFLATED = 64 * 1024;
const ZLIB = 0x78; // first byte of RFC 1950; readers of the EU certificate take messages without it too
const LIST_SKEW = 300; // seconds that the clock of the one who signs lists may be ahead

/** What a verifier accepts; seconds. `sm2` is the COSE algorithm number of SM2. */
export const POLICY = { warn: 24 * 3600, refuse: 7 * 24 * 3600, skew: 30, fresh: 75, sm2: -65537 };

/**
 * The credential behind a text: {kind, name, sex, born, issued, expires, issuer, .., listIssued, old}. `now` is in seconds
 * since 1970. `lists` is undefined or {issued, signer(keyId), status(number)}: when the trust list was signed; a signer
 * {key, notBefore, notAfter, use, revoked} or undefined; a status list {issued, expires, isRevoked(index)} or undefined. Throws Refused.
 */
export async function verifyOffline(text, lists, now, policy = POLICY) {
  // 1 read: the form, strictly; nothing of it is believed yet
  const shown = await read(text.trim(), policy);
  if (!lists) throw new Refused("lists-missing");
  if (lists.issued > now + LIST_SKEW) throw new Refused("clock-skew", "list from the future");
  const stale = now - lists.issued >= policy.refuse;
  // 2 the key id names a signer that we know, for this algorithm
  const signer = lists.signer(shown.keyId);
  if (signer?.key.algorithm !== shown.algorithm) throw new Refused(stale ? "status-list-stale" : "code-issuer-unknown");
  // 3 the signer is valid now
  const begun = signer.notBefore - policy.skew <= now;
  if (signer.revoked || !begun || now >= signer.notAfter) throw new Refused("code-signer-invalid");
  // 4 the signatures; what is signed is of a kind that this signer may sign
  for (const { key = signer.key, message, signature } of shown.signatures) {
    if (!(await verified(key, message, signature))) throw new Refused("code-signature-invalid");
  }
  if (signer.use !== shown.use) throw new Refused("code-issuer-unknown", "use");
  const said = await shown.said();
  // 5 times
  checkTimes(said, now, policy);
  // 6 revocation, by lists that are fresh enough
  const listed = checkStatus(said, lists, now, policy);
  if (stale) throw new Refused("status-list-stale");
  // 7 what it says
  return { ...said, ...listed, old: listed.old || now - lists.issued >= policy.warn };
}

async function read(text, policy) {
  if (text.length > LONGEST) throw new Refused("code-unreadable", "long");
  if (text.startsWith(CODE_PREFIX)) throw new Refused("code-needs-network");
  if (text.startsWith(HC1_PREFIX)) return readHc1(text.slice(HC1_PREFIX.length), policy);
  if (text.startsWith(DEVICE_PREFIX)) return readDeviceCode(text);
  if (text.startsWith(SHC_PREFIX)) return readHealthCard(text);
  throw new Refused("code-unreadable", "prefix");
}

async function readHc1(text, policy) {
  const bytes = fromBase45(text);
  const message = readSign1(bytes[0] === ZLIB ? await inflated(bytes, "deflate", INFLATED) : bytes, policy.sm2);
  return {
    keyId: message.keyId,
    algorithm: message.algorithm,
    use: "identity",
    signatures: [{ message: message.signed, signature: message.signature }],
    said: () => readClaims(message.payload),
  };
}

function readDeviceCode(text) {
  const code = readDevice(text);
  return {
    keyId: code.keyId,
    algorithm: code.algorithm,
    use: "device",
    signatures: [
      { message: code.issuerSigned, signature: code.issuerSignature },
      { key: code.deviceKey, message: code.deviceSigned, signature: code.deviceSignature },
    ],
    said: () => ({
      kind: "device",
      issuer: "",
      issued: code.issued,
      notBefore: 0,
      expires: code.expires,
      shown: code.shown,
      name: code.name,
      born: code.birthYear ? String(code.birthYear) : "",
      sex: code.sex,
      status: { list: code.shard, index: code.index },
    }),
  };
}

function checkTimes(said, now, policy) {
  const begins = Math.max(said.issued, said.notBefore, said.shown ?? 0);
  if (begins > now + policy.skew) throw new Refused(said.shown ? "clock-skew" : "credential-not-yet-valid");
  const ends = Math.min(said.expires ?? Infinity, said.shown ? said.shown + policy.fresh : Infinity);
  if (now >= ends) throw new Refused("code-expired");
}

function checkStatus(said, lists, now, policy) {
  if (!said.status) return { old: false };
  const list = lists.status(said.status.list);
  if (!list) throw new Refused("status-list-stale", "none");
  if (list.isRevoked(said.status.index)) throw new Refused("credential-revoked"); // a bit once set stays set
  const age = now - list.issued;
  if (age >= policy.refuse || now >= list.expires) throw new Refused("status-list-stale");
  return { listIssued: list.issued, old: age >= policy.warn };
}
