// What an identity credential or emergency card says: a CWT (RFC 8392) with our private claim, see docs/healthcode/offline.md.

import { fromCbor } from "./cbor.js";
import { Refused } from "./refused.js";

const [ISSUER, EXPIRES, NOT_BEFORE, ISSUED, STATUS, HCERT, YIMA] = [1, 4, 5, 6, 65535, -260, -70001];
const KINDS = new Map([[1, "identity"], [2, "emergency"]]);
const SEXES = new Map([[0, "unknown"], [1, "male"], [2, "female"], [9, "other"]]); // GB/T 2261.1
const END_OF_TIME = 253402300800; // 10000-01-01

const wrong = (why) => new Refused("code-unreadable", `claims-${why}`);

/** The claims of a payload. Times are seconds since 1970, `born` is YYYY-MM-DD or empty. */
export function readClaims(payload) {
  const held = map(fromCbor(payload));
  if (held.has(HCERT)) throw wrong("two kinds");
  const said = map(held.get(YIMA));
  const kind = KINDS.get(said.get(0));
  if (!kind) throw wrong("kind");
  return {
    kind,
    issuer: text(held.get(ISSUER) ?? ""),
    issued: moment(held.get(ISSUED)),
    notBefore: held.has(NOT_BEFORE) ? moment(held.get(NOT_BEFORE)) : 0,
    expires: moment(held.get(EXPIRES)),
    status: held.has(STATUS) ? place(map(map(held.get(STATUS)).get("status_list"))) : undefined,
    name: text(said.get(1)),
    born: said.has(2) ? day(said.get(2)) : "",
    sex: SEXES.get(said.get(3) ?? 0) ?? "unknown",
    card: said.has(4) ? card(said.get(4)) : "",
    latinName: text(said.get(5) ?? ""),
    ...(kind === "emergency" ? { emergency: emergency(said) } : {}),
  };
}

const emergency = (said) => ({
  blood: text(said.get(10) ?? ""),
  allergies: texts(said.get(11) ?? []),
  conditions: texts(said.get(12) ?? []),
  medicines: texts(said.get(13) ?? []),
  contact: text(said.get(14) ?? ""),
});

function place(list) {
  const index = list.get("idx");
  if (!Number.isSafeInteger(index) || index < 0) throw wrong("status");
  const number = /\/status-lists\/(\d{1,9})$/u.exec(text(list.get("uri")));
  if (!number) throw wrong("status");
  return { list: Number(number[1]), index };
}

function map(value) {
  if (!(value instanceof Map)) throw wrong("map");
  return value;
}

function text(value) {
  if (typeof value !== "string") throw wrong("text");
  return value;
}

function texts(value) {
  if (!Array.isArray(value)) throw wrong("list");
  return value.map(text);
}

function moment(value) {
  if (!Number.isSafeInteger(value) || value < 0 || value >= END_OF_TIME) throw wrong("time");
  return value;
}

function day(value) {
  const parts = /^(\d{4})(\d\d)(\d\d)$/u.exec(String(value).padStart(8, "0"));
  const iso = parts?.slice(1).join("-");
  const read = new Date(`${iso}T00:00:00Z`);
  if (typeof value !== "number" || Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== iso) throw wrong("day");
  return iso;
}

function card(value) {
  if ((typeof value !== "number" && typeof value !== "bigint") || value < 0 || value >= 10n ** 16n) throw wrong("card");
  return String(value).padStart(16, "0");
}
