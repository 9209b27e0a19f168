// The trust list and the status lists, believed only when their signatures lead to a pinned root: the checks of
// healthcode/trust/trustlist.py and statuslist.py. Nothing is fetched or kept here. Times are seconds since 1970.

import { fromBase64Url, inflated, toBase64Url, toHex, toUtf8 } from "./bytes.js";
import { keyIdOf, readCertificate, rooted } from "./certificate.js";
import { readJws } from "./jws.js";
import { Refused } from "./refused.js";

const TRUST_TYPE = "trust-list+jwt";
const STATUS_TYPE = "statuslist+jwt"; // Token Status List, section 5.1
const SKEW = 300; // how far ahead the clock of the one who signed may be
const LARGEST_LIST = 1 << 20; // bytes of a status list, inflated

const wrong = (why) => new Refused("not-trusted", why);

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

/** The certificates to pin, from PEM text (RFC 7468). */
export function readRoots(pem) {
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/gu)];
  if (!blocks.length) throw wrong("no roots");
  return blocks.map(([, body]) => readCertificate(fromBase64(body.replace(/\s/gu, ""))));
}

/**
 * The status list in `text`, if a status list signer of these signers signed it: {number, version, issued, expires,
 * isRevoked(index)}. A place beyond the list counts as revoked.
 */
export async function readStatusList(text, signers, now) {
  const token = readJws(text);
  if (token.header.typ !== STATUS_TYPE || typeof token.header.kid !== "string") throw wrong("header");
  const signer = signers.get(toHex(fromBase64Url(token.header.kid, "not-trusted")));
  if (signer?.use !== "status-list" || signer.revoked) throw wrong("no status list signer");
  if (now + SKEW < signer.notBefore || now >= signer.notAfter) throw wrong("its signer's dates");
  if (!(await token.isBy(signer.key))) throw wrong("signature");
  const { sub, iat, exp, version = 0, status_list: list } = token.claims;
  const number = /\/status-lists\/(\d{1,9})$/u.exec(sub);
  const bits = list?.bits;
  if (!number || ![1, 2, 4, 8].includes(bits) || !Number.isSafeInteger(iat)) throw wrong("claims");
  if (iat > now + SKEW) throw wrong("from the future");
  const content = await inflated(fromBase64Url(list.lst, "not-trusted"), "deflate", LARGEST_LIST, "not-trusted");
  return {
    number: Number(number[1]),
    version,
    issued: iat,
    expires: Number.isSafeInteger(exp) ? exp : Infinity,
    isRevoked: (index) => statusAt(content, bits, index) !== 0,
  };
}

// Token Status List, section 4.1: the first place stands in the lowest bits of the first byte
function statusAt(content, bits, index) {
  const inByte = 8 / bits;
  const byte = content[Math.floor(index / inByte)] ?? 0xff;
  return (byte >> ((index % inByte) * bits)) & ((1 << bits) - 1);
}
