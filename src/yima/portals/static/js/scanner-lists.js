// The lists of the scanner: fetched when there is a network, believed only when signed under the pinned roots, kept in IndexedDB
// as they were signed and checked again at every start. Nothing that was scanned comes here.
import { readRoots, readStatusList, readTrustList } from "../healthcode/offline/trust.js";

const BASE = "yima-scanner";
const SHELF = "lists";
const FAMILIES = { ES256: "/.well-known/trust-list", SM2: "/.well-known/trust-list?profile=sm2" };
const STATUS = "/.well-known/status-lists/";
const STATUS_FORM = { accept: "application/statuslist+jwt" };
const KEPT = "kept"; // one row {roots, at, trust: {family: text}, status: {number: text}}: written whole or not at all

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(BASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SHELF);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inShelf(mode, work) {
  const base = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const request = work(base.transaction(SHELF, mode).objectStore(SHELF));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    base.close();
  }
}

const read = () => inShelf("readonly", (shelf) => shelf.get(KEPT)).catch(() => undefined);
const write = (kept) => inShelf("readwrite", (shelf) => shelf.put(kept, KEPT)).catch(() => undefined); // private windows refuse

let kept = { roots: "", at: 0, trust: {}, status: {} };
let trusts = {}; // family -> what readTrustList gave
let statuses = new Map(); // number of a status list -> what readStatusList gave

/** Take up what is kept; `roots` (PEM) are pinned when nothing was pinned before. */
export async function loadLists(roots) {
  kept = (await read()) ?? kept;
  if (!kept.roots) kept.roots = roots;
  const now = Math.max(Math.floor(Date.now() / 1000), kept.at); // a clock set back is found at the check, not here
  trusts = await believed(kept.trust, now, {}).catch(() => ({}));
  statuses = await standing(kept.status, now);
}

/** Fetch everything anew; false, and everything stays as it was, when a list cannot be had or believed. */
export async function refreshLists() {
  const now = Math.floor(Date.now() / 1000);
  try {
    const texts = {};
    for (const [family, address] of Object.entries(FAMILIES)) texts[family] = await fetched(address);
    const found = await believed(texts, now, trusts);
    const numbers = [...new Set(numbersIn(found, now))];
    const status = {};
    for (const number of numbers) status[number] = await fetched(STATUS + number, STATUS_FORM);
    const lists = await standing(status, now, found);
    if (lists.size !== numbers.length) return false;
    trusts = found;
    statuses = lists;
    kept = { ...kept, at: now, trust: texts, status };
    await write(kept);
    return true;
  } catch {
    return false; // no network, or a list that is not signed as it must be
  }
}

async function fetched(address, headers = {}) {
  // "no-cache": a copy in the browser's own cache is asked after, or it would pass for a network that is there
  const answer = await fetch(address, { headers, credentials: "omit", cache: "no-cache", signal: AbortSignal.timeout(20000) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.text()).trim();
}

async function believed(texts, now, before) {
  const roots = readRoots(kept.roots);
  const found = {};
  for (const [family, text] of Object.entries(texts)) {
    found[family] = await readTrustList(text, roots, now, before[family]?.version ?? 0);
  }
  return found;
}

/** Numbers of the lists on which a credential that may still be good could stand. */
function numbersIn(found, now) {
  const signers = Object.values(found).flatMap((trust) => [...trust.signers.values()]);
  const alive = signers.filter((signer) => !signer.revoked && now < signer.notAfter && ["identity", "shc", "device"].includes(signer.use));
  return alive.map((signer) => Number(/\/(\d{1,9})$/u.exec(signer.statusList)?.[1])).filter(Number.isInteger);
}

async function standing(texts, now, found = trusts) {
  const signers = new Map(Object.values(found).flatMap((trust) => [...trust.signers]));
  const out = new Map();
  for (const [number, text] of Object.entries(texts)) {
    const list = await readStatusList(text, signers, now).catch(() => undefined);
    if (list?.number === Number(number)) out.set(list.number, list);
  }
  return out;
}

/** What `verifyOffline` asks, or undefined as long as there is no trust list; and for the page the age of each part. */
export function heldLists() {
  const present = Object.values(trusts);
  if (!present.length) return undefined;
  const oldest = [...statuses.values()].map((list) => list.issued);
  return {
    issued: Math.min(...present.map((trust) => trust.issued)),
    version: Math.max(...present.map((trust) => trust.version)),
    statusIssued: oldest.length ? Math.min(...oldest) : undefined,
    statusCount: statuses.size,
    signer: (keyId) => present.map((trust) => trust.signers.get(keyId)).find(Boolean),
    status: (number) => statuses.get(number),
  };
}
