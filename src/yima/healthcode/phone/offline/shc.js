// SMART Health Card (SMART Health Cards Framework 1.4): `shc:/` and digits of a JWS under ES256 whose payload is raw DEFLATE.

import { fromBase64Url, fromUtf8, inflated, toUtf8 } from "./bytes.js";
import { Refused } from "./refused.js";

export const SHC_PREFIX = "shc:/";

const HEALTH_CARD = "https://smarthealth.cards#health-card";
const INFLATED = 64 * 1024;
const SEXES = new Set(["male", "female", "other"]);

const wrong = (why) => new Refused("code-unreadable", `shc-${why}`);

/** A health card taken apart; `said()` inflates and reads what it says. */
export async function readHealthCard(text) {
  const parts = jws(text.slice(SHC_PREFIX.length)).split(".");
  if (parts.length !== 3) throw wrong("parts");
  const header = object(json(fromBase64Url(parts[0])));
  if (header.zip !== "DEF" || header.alg !== "ES256" || typeof header.kid !== "string" || "crit" in header) throw wrong("header");
  const signature = fromBase64Url(parts[2]);
  const payload = fromBase64Url(parts[1]);
  return {
    keyId: header.kid,
    algorithm: "ES256",
    use: "shc",
    signatures: [{ message: toUtf8(`${parts[0]}.${parts[1]}`), signature }],
    said: async () => said(object(json(await inflated(payload, "deflate-raw", INFLATED)))),
  };
}

// "Encoding Chunks as QR Codes": two digits a character, the character code less 45
function jws(digits) {
  if (!/^(?:\d\d)+$/u.test(digits)) throw wrong("digits");
  return digits.replace(/\d\d/gu, (pair) => String.fromCharCode(Number(pair) + 45));
}

function said(payload) {
  const types = object(payload.vc).type;
  const bundle = object(object(object(payload.vc).credentialSubject).fhirBundle);
  if (!Array.isArray(types) || !types.includes(HEALTH_CARD) || bundle.resourceType !== "Bundle") throw wrong("credential");
  const resources = (Array.isArray(bundle.entry) ? bundle.entry : []).map((entry) => object(object(entry).resource));
  const patient = resources.find((one) => one.resourceType === "Patient");
  if (!patient || typeof payload.iss !== "string") throw wrong("patient");
  return {
    kind: "shc",
    issuer: payload.iss,
    issued: moment(payload.nbf),
    notBefore: 0,
    status: place(object(payload.vc).rid),
    expires: payload.exp === undefined ? undefined : moment(payload.exp),
    name: nameOf(patient),
    born: typeof patient.birthDate === "string" ? patient.birthDate : "",
    sex: SEXES.has(patient.gender) ? patient.gender : "unknown",
    entries: resources.length - 1,
  };
}

// `rid` of our cards: shard and index of the status list (healthcode/offline/shc.py)
function place(rid) {
  const parts = /^(\d{1,9})-(\d{1,9})$/u.exec(rid ?? "");
  return parts ? { list: Number(parts[1]), index: Number(parts[2]) } : undefined;
}

function nameOf(patient) {
  const name = Array.isArray(patient.name) ? object(patient.name[0]) : {};
  if (typeof name.text === "string") return name.text;
  return [...(Array.isArray(name.given) ? name.given : []), name.family].filter((part) => typeof part === "string").join(" ");
}

const moment = (value) => {
  if (typeof value !== "number" || !(value >= 0 && value < 253402300800)) throw wrong("time");
  return Math.floor(value);
};

function json(bytes) {
  try {
    return JSON.parse(fromUtf8(bytes));
  } catch {
    throw wrong("json");
  }
}

function object(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("object");
  return value;
}
