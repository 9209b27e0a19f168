// Makes the health code on the phone, with or without network: the same bytes as yima/healthcode/codec.py.
// The batch (see Batch in show.py) is a secret of its holder: keep it in IndexedDB, never in a URL or a log.

import { hmacSm3 } from "./sm3.js";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const MAC_BYTES = 12;
const SKEW_STEPS = 2; // the platform accepts a code this many steps outside its slot

/** Bytes in base45 (RFC 9285). */
export function base45(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 2) {
    const pair = i + 1 < bytes.length;
    const n = pair ? bytes[i] * 256 + bytes[i + 1] : bytes[i];
    text += ALPHABET[n % 45] + ALPHABET[Math.floor(n / 45) % 45];
    if (pair) text += ALPHABET[Math.floor(n / 2025)];
  }
  return text;
}

/** Milliseconds to add to this phone's clock to get the platform's; `receivedMillis` is Date.now() on arrival. */
export function clockOffset(batch, receivedMillis) {
  return batch.server_time * 1000 - receivedMillis;
}

/** Whole seconds for which the code of that moment is still the one to show (1 .. step). */
export function secondsLeft(batch, millis) {
  return batch.step - (Math.floor(millis / 1000) % batch.step);
}

/** Whole seconds until the batch has no more slots; 0 or less: fetch a new one. */
export function batchSecondsLeft(batch, millis) {
  const last = batch.slots[batch.slots.length - 1].slot;
  return (last + 1) * batch.slot_seconds - Math.floor(millis / 1000);
}

/**
 * The code's text at a moment of the platform's clock (milliseconds since 1970).
 * Throws RangeError when the batch has no slot for it: fetch a new batch.
 */
export async function codeAt(batch, millis) {
  const t = Math.floor(millis / 1000 / batch.step);
  const slot = slotFor(batch, t);
  const signed = new Uint8Array(22);
  signed.set(fromHex(batch.header), 0);
  signed.set(fromBase64Url(slot.p), 2);
  new DataView(signed.buffer).setUint32(18, t);
  const mac = await hmac(batch.profile, fromBase64Url(slot.key), signed);
  const code = new Uint8Array(22 + MAC_BYTES);
  code.set(signed, 0);
  code.set(mac.subarray(0, MAC_BYTES), 22);
  return batch.prefix + base45(code);
}

function slotFor(batch, t) {
  const steps = batch.slot_seconds / batch.step;
  const wanted = Math.floor(t / steps);
  const found = batch.slots.find((each) => each.slot === wanted);
  if (found) return found;
  // A clock a little off, just before the first or after the last slot.
  const near = batch.slots.find(
    (each) => t >= each.slot * steps - SKEW_STEPS && t < (each.slot + 1) * steps + SKEW_STEPS,
  );
  if (near) return near;
  throw new RangeError("the batch has no slot for this time");
}

async function hmac(profile, key, message) {
  if (profile === "SM") return hmacSm3(key, message);
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
}
