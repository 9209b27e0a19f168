// The phone's side of the device-signed code (docs/healthcode/device-code.md): shown when neither side has a network.
// The private key is made in the browser, cannot be exported, and lies in IndexedDB beside the certificate of the platform.

import { base45 } from "./code.js";

const PREFIX = "YM2:";
const LABEL = new TextEncoder().encode("yima device code 1");
const CURVE = { name: "ECDSA", namedCurve: "P-256" };

/** A new key pair whose private half never leaves this browser. */
export const newDeviceKey = () => crypto.subtle.generateKey(CURVE, false, ["sign"]);

/** The 65 bytes 04 | x | y of the public half, which the platform is asked to certify. */
export const publicPoint = async (pair) => new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));

/** When a certificate was issued and until when it holds, seconds since 1970. */
export function certificateTimes(certificate) {
  const view = new DataView(certificate.buffer, certificate.byteOffset);
  const issued = view.getUint32(9);
  return { issued, expires: issued + view.getUint16(13) * 3600 };
}

/** The code's text at a moment of the platform's clock (milliseconds since 1970), from the certificate's bytes. */
export async function deviceCodeAt(certificate, privateKey, millis) {
  const signed = new Uint8Array(LABEL.length + certificate.length + 4);
  signed.set(LABEL);
  signed.set(certificate, LABEL.length);
  new DataView(signed.buffer).setUint32(signed.length - 4, Math.floor(millis / 1000));
  const signature = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, signed));
  const code = new Uint8Array(signed.length - LABEL.length + signature.length);
  code.set(signed.subarray(LABEL.length));
  code.set(signature, signed.length - LABEL.length);
  return PREFIX + base45(code);
}
