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

/** What a verifier accepts; seconds. `sm2` is the COSE algorithm number of SM2. */
export const POLICY = { warn: 24 * 3600, refuse: 7 * 24 * 3600, skew: 30, fresh: 75, sm2: -65537 };

/**
 * The credential behind a text: {kind, name, sex, born, issued, expires, issuer, ..., listIssued, old}.
 * `lists.signer(keyId)` gives {key, notBefore, notAfter, use, revoked} or undefined, `lists.status(where)` gives
 * {issued, isRevoked(index)} or undefined; `now` is in seconds since 1970. Throws Refused.
 */
export async function verifyOffline(text, lists, now, policy = POLICY) {
  const found = await opened(text.trim(), policy); // 1 and 2: read the text, take it apart
  const signer = lists.signer(found.keyId); // 3: whose word is it
  if (!signer || signer.use !== found.use || signer.key.algorithm !== found.algorithm) throw new Refused("code-issuer-unknown");
  if (signer.revoked || now < signer.notBefore || now >= signer.notAfter) throw new Refused("code-signer-invalid"); // 4: may it sign now
  for (const { key = signer.key, message, signature } of found.signatures) { // 5: did it sign this
    if (!(await verified(key, message, signature))) throw new Refused("code-signature-invalid");
  }
  const said = await found.said(); // what it says is read after the signature where the form allows it
  checkTimes(said, signer, now, policy); // 6
  return { ...said, ...checkStatus(said, lists, now, policy) }; // 7
}

async function opened(text, policy) {
  if (text.length > LONGEST) throw new Refused("code-unreadable", "long");
  if (text.startsWith(CODE_PREFIX)) throw new Refused("needs-network");
  if (text.startsWith(HC1_PREFIX)) return openedHc1(text.slice(HC1_PREFIX.length), policy);
  if (text.startsWith(DEVICE_PREFIX)) return openedDevice(text);
  if (text.startsWith(SHC_PREFIX)) return readHealthCard(text);
  throw new Refused("code-unreadable", "prefix");
}

async function openedHc1(text, policy) {
  const message = readSign1(await inflated(fromBase45(text), "deflate", INFLATED), policy.sm2);
  const said = readClaims(message.payload);
  return {
    keyId: message.keyId,
    algorithm: message.algorithm,
    use: "identity",
    signatures: [{ message: message.signed, signature: message.signature }],
    said: () => said,
  };
}

function openedDevice(text) {
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
      status: { uri: code.shard, index: code.index },
    }),
  };
}

function checkTimes(said, signer, now, policy) {
  const begins = Math.max(said.issued, said.notBefore);
  if (begins > now + policy.skew || (said.shown ?? 0) > now + policy.skew) throw new Refused("clock-skew");
  if (said.expires > signer.notAfter) throw new Refused("code-signer-invalid", "outlives");
  if (now >= said.expires || (said.shown ?? now) < now - policy.fresh) throw new Refused("code-expired");
}

function checkStatus(said, lists, now, policy) {
  if (!said.status) return { old: false };
  const list = lists.status(said.status.uri);
  if (!list || now - list.issued >= policy.refuse) throw new Refused("status-list-stale");
  if (list.isRevoked(said.status.index)) throw new Refused("credential-revoked");
  return { listIssued: list.issued, old: now - list.issued >= policy.warn };
}
