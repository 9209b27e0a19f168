// The trust list and the status lists, believed only when their signatures lead to a pinned root: the checks of
// healthcode/trust/trustlist.py and statuslist.py. Nothing is fetched or kept here. Times are seconds since 1970.

import { fromBase64Url, inflated, toBase64Url, toHex, toUtf8 } from "./bytes.js";
import { keyIdOf, readCertificate, rooted } from "./certificate.js";
import { readJws } from "./jws.js";
import { Refused } from "./refused.js";

const TRUST_TYPE = "trust-list+jwt";
const STATUS_TYPE = "statuslist+jwt"; // Token Status List, section 5.1
const SKEW = 300; // how far ahead the clock of the one who signed may be
const LARGEST_LIST = 4 * 1024 * 1024; // bytes of a status list, inflated

const wrong = (why) => new Refused("not-trusted", why);

/** The roots to pin, from base64url DER. */
export const readRoots = (texts) => texts.map((text) => readCertificate(fromBase64Url(text, "not-trusted")));

/**
 * The trust list in `text`: {version, issued, signers}; `signers` is a Map from key ids (hex) and, for health cards, JWK
 * thumbprints to {key, notBefore, notAfter, use, revoked, statusList}. Refuses (`not-trusted`) a list of other roots, of a
 * version below `seen`, or from the future.
 */
export async function readTrustList(text, roots, now, seen = 0) {
  const token = readJws(text);
  const own = await headSigner(token, roots, now, TRUST_TYPE, "trust-list");
  const { version, iat, issuers, signers } = token.claims;
  if (![version, iat].every(Number.isSafeInteger) || ![issuers, signers].every(Array.isArray)) throw wrong("claims");
  if (version < seen) throw wrong("old version");
  if (iat > now + SKEW) throw wrong("from the future");
  const authorities = new Map();
  for (const der of issuers.map((one) => fromBase64Url(one, "not-trusted"))) {
    authorities.set(await keyIdOf(der), readCertificate(der));
  }
  const found = new Map();
  for (const entry of signers) {
    const { names, signer } = await trusted(entry, authorities, roots, now);
    for (const name of names) found.set(name, signer);
  }
  if (!found.has(own) || found.get(own).revoked) throw wrong("its own signer is not in it");
  return { version, issued: iat, signers: found };
}

async function trusted(entry, authorities, roots, now) {
  const der = fromBase64Url(entry.certificate, "not-trusted");
  const certificate = readCertificate(der);
  const issuer = authorities.get(toHex(fromBase64Url(entry.issuer, "not-trusted")));
  if (!issuer || !(await rooted([certificate, issuer], roots, now))) throw wrong("a signer without a root");
  const keyId = await keyIdOf(der);
  const { key, use } = certificate;
  if (keyId !== toHex(fromBase64Url(entry.kid, "not-trusted")) || entry.alg !== key.algorithm || !use || entry.use !== use) {
    throw wrong("a signer that its certificate does not describe");
  }
  const signer = {
    key,
    use,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    revoked: entry.revoked !== undefined,
    statusList: String(entry.status_list),
  };
  return { names: use === "shc" ? [keyId, await thumbprint(key)] : [keyId], signer };
}

/** The JWK thumbprint (RFC 7638) by which a health card names its key. */
async function thumbprint({ x, y }) {
  const required = `{"crv":"P-256","kty":"EC","x":"${toBase64Url(x)}","y":"${toBase64Url(y)}"}`;
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", toUtf8(required))));
}

/** The key id of the signer in the header, whose chain and dates were checked and who signed the token. */
async function headSigner(token, roots, now, type, use) {
  const chain = token.header.x5c;
  if (token.header.typ !== type || !Array.isArray(chain) || !chain.every((one) => typeof one === "string")) throw wrong("header");
  const ders = chain.map(fromBase64);
  const certificates = ders.map(readCertificate);
  const [signer] = certificates;
  if (!(await rooted(certificates, roots, now)) || signer.use !== use) throw wrong("chain");
  if (now + SKEW < signer.notBefore || now >= signer.notAfter) throw wrong("its signer's dates");
  if (!(await token.isBy(signer.key))) throw wrong("signature");
  return keyIdOf(ders[0]);
}

function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw wrong("base64");
  }
}
