// The code for a terminal without network (docs/healthcode/device-code.md): a key that never leaves this browser, and the platform's
// certificate for it, asked for while there is a network.
import { certificateTimes, deviceCodeAt, newDeviceKey, publicPoint } from "../healthcode/device.js";
import { keepDevice, keptDevice } from "./kept.js";

let device; // {number, pair, certificate}: the card it belongs to, the key pair, the certificate's bytes
let last = { step: -1, text: "" };

/** Take up what is kept for this card; somebody else's is not used. */
export async function loadDevice(number) {
  const found = await keptDevice().catch(() => undefined);
  device = found?.number === number ? found : undefined;
}

/** Whether there is a certificate that still holds at that moment (milliseconds). */
export function deviceReady(millis) {
  return Boolean(device) && millis / 1000 < certificateTimes(device.certificate).expires;
}

/** Ask the platform for a certificate where there is none, or less than half of its time is left; `token` is the form's. */
export async function certify(number, token, millis) {
  if (!globalThis.crypto?.subtle || !token) return; // only a secure context has keys
  if (device) {
    const { issued, expires } = certificateTimes(device.certificate);
    if (expires - millis / 1000 > (expires - issued) / 2) return;
  }
  const pair = device?.pair ?? (await newDeviceKey());
  const body = new URLSearchParams({ csrf: token, public_key: toBase64Url(await publicPoint(pair)) });
  const answer = await fetch("/resident/device", { method: "POST", body });
  if (!answer.ok) return; // the card does not stand, or the platform is busy: the next visit asks again
  const { certificate } = await answer.json();
  device = { number, pair, certificate: fromBase64Url(certificate) };
  await keepDevice(device).catch(() => undefined);
}

/** The text to show at that moment (milliseconds of the platform's clock); signed anew every `step` seconds. Throws RangeError
 *  when the certificate is over. */
export async function deviceTextAt(millis, step) {
  if (!deviceReady(millis)) throw new RangeError("the certificate is over");
  const now = Math.floor(millis / 1000 / step);
  if (last.step !== now) last = { step: now, text: await deviceCodeAt(device.certificate, device.pair.privateKey, millis) };
  return last.text;
}

const toBase64Url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/u, "");

const fromBase64Url = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
