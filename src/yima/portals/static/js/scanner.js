// The scanner page: reads an offline credential, checks it here, shows the result large. Nothing scanned is kept or sent.
import { POLICY, verifyOffline } from "../healthcode/offline/verify.js";
import { startCamera } from "./camera.js";
import { heldLists, loadLists, refreshLists } from "./scanner-lists.js";
import { signal } from "./signal.js";

const REFRESH_EVERY = 15 * 60 * 1000; // milliseconds between refreshes while the page is open
const FORGET_AFTER = 3 * 60 * 1000; // milliseconds until a result is cleared by itself
const SAME_SCAN = 5; // seconds in which the same code is the same scan, read twice
const DAY = 24 * 3600;

const settings = JSON.parse(document.getElementById("scanner").textContent);
const { words, lang } = settings;
const policy = { ...POLICY, ...settings.policy };
const form = document.querySelector("[data-scan]");
const field = document.querySelector("[data-code-field]");
const result = document.querySelector("[data-result]");
const clearLine = document.querySelector("[data-clear-line]");
const locale = lang === "zh" ? "zh-CN" : "en-GB";
const ZONE = { timeZone: "Asia/Shanghai" }; // as on all pages, see layout/dates.py
const seconds = () => Math.floor(Date.now() / 1000);
const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/gu, (_, name) => values[name]);

function show(verdict) {
  const template = document.querySelector(`template[data-verdict="${verdict}"]`);
  const piece = template.content.cloneNode(true);
  for (const part of piece.querySelectorAll("[data-online-only]")) part.hidden = !navigator.onLine;
  result.replaceChildren(piece);
  clearLine.hidden = verdict === "ready";
  return result;
}

function put(place, text) {
  if (!place) return;
  if (text) place.querySelector("dd").textContent = text;
  else place.remove();
}

function moment(value) {
  if (value === undefined) return "";
  const at = new Date(value * 1000);
  const date = new Intl.DateTimeFormat(locale, { ...ZONE, year: "numeric", month: lang === "zh" ? "long" : "short", day: "numeric" }).format(at);
  return `${date} ${new Intl.DateTimeFormat("en-GB", { ...ZONE, hour: "2-digit", minute: "2-digit" }).format(at)}`;
}

/** A day as far as it is known: 1990, 1990-05, 1990-05-07. */
function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  if (!year) return "";
  const names = { year: "numeric", ...(month ? { month: lang === "zh" ? "long" : "short" } : {}), ...(date ? { day: "numeric" } : {}) };
  return new Intl.DateTimeFormat(locale, { ...names, timeZone: "UTC" }).format(new Date(Date.UTC(year, (month || 1) - 1, date || 1)));
}

/** "3 hours ago". */
function age(issued) {
  const passed = Math.max(seconds() - issued, 0);
  const [unit, size] = passed >= 2 * DAY ? ["day", DAY] : passed >= 3600 ? ["hour", 3600] : ["minute", 60];
  const n = Math.floor(passed / size);
  return new Intl.RelativeTimeFormat(lang === "zh" ? "zh-CN" : "en", { numeric: n ? "always" : "auto" }).format(-n, unit);
}

function showValid(found) {
  const place = show(`valid-${found.kind}`);
  const latin = found.latinName && found.latinName !== found.name ? ` ${found.latinName}` : "";
  place.querySelector("[data-name]").textContent = `${found.name}${latin}`;
  const facts = {
    sex: words[`sex.${found.sex}`],
    born: day(found.born),
    until: moment(found.expires),
    issued: moment(found.issued),
    issuer: found.issuer.replace(/^https?:\/\//u, ""),
    card: (found.card ?? "").replace(/\d{4}(?=\d)/gu, "$& "),
    entries: found.entries === undefined ? "" : String(found.entries),
    contact: found.emergency?.contact,
  };
  for (const [name, text] of Object.entries(facts)) put(place.querySelector(`[data-fact="${name}"]`), text);
  for (const part of place.querySelectorAll("[data-urgent]")) {
    const value = [found.emergency[part.dataset.urgent]].flat().filter(Boolean);
    const line = part.querySelector("dd");
    line.textContent = value.length ? value.join(lang === "zh" ? "、" : ", ") : words["emergency.not-said"];
    line.classList.toggle("not-said", !value.length);
  }
  place.querySelector("[data-old]").hidden = !found.old;
}

// A network-down code that was seen here inside its window is a copy, or the phone has not moved on. Only digests, only in memory.
const seen = new Map();
async function seenBefore(text) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).join();
  const now = seconds();
  for (const [key, at] of seen) if (now - at > policy.fresh + policy.skew) seen.delete(key);
  const first = seen.get(digest);
  if (first === undefined) seen.set(digest, now);
  return first !== undefined && now - first > SAME_SCAN;
}

let forgetting;
async function check(text) {
  clearTimeout(forgetting);
  result.classList.add("busy");
  try {
    const found = await verifyOffline(text, heldLists(), seconds(), policy);
    if (found.kind === "device" && (await seenBefore(text.trim()))) refuse("code-already-used");
    else {
      showValid(found);
      signal("good");
    }
  } catch (trouble) {
    if (!trouble.code || !document.querySelector(`template[data-verdict="${trouble.code}"]`)) throw trouble;
    refuse(trouble.code);
  } finally {
    result.classList.remove("busy");
    field.value = "";
    field.focus();
    forgetting = setTimeout(clear, FORGET_AFTER);
  }
}

function refuse(code) {
  show(code);
  signal("bad");
}

function clear() {
  clearTimeout(forgetting);
  field.value = "";
  show("ready");
  field.focus();
}

function showLists() {
  const lists = heldLists();
  const state = document.querySelector("[data-lists-state]");
  const [trust, status] = ["trust", "status"].map((name) => document.querySelector(`[data-list="${name}"]`));
  if (lists) {
    trust.textContent = `${say("lists.of", { age: age(lists.issued) })} · ${say("lists.version", { n: lists.version })}`;
    status.textContent = lists.statusCount
      ? `${say("lists.of", { age: age(lists.statusIssued) })} · ${say("lists.parts", { n: lists.statusCount })}`
      : words["lists.none"];
  }
  const passed = lists ? seconds() - Math.min(lists.issued, lists.statusIssued ?? Infinity) : Infinity;
  const name = !lists ? "missing" : passed >= policy.refuse ? "stale" : passed >= policy.warn ? "watch" : "fresh";
  state.textContent = words[`lists.${name}`];
  state.className = `list-state ${{ fresh: "ok", watch: "watch" }[name] ?? "alert"}`;
}

function showNet(reached) {
  const net = document.querySelector("[data-net]");
  net.textContent = words[reached ? "net.on" : "net.off"];
  net.classList.toggle("on", reached);
}

async function refresh(asked) {
  const said = document.querySelector("[data-refresh-said]");
  if (asked) said.textContent = words["lists.refreshing"];
  const done = navigator.onLine && (await refreshLists());
  if (asked) said.textContent = words[done ? "lists.refreshed" : "lists.failed"];
  showNet(done);
  showLists();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.value.trim()) check(field.value);
  else field.focus();
});
// A handheld scanner types wherever the focus is: the first character takes it to the field, and so lands there.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  const typed = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (typed && event.target !== field) field.focus();
});
document.addEventListener("pointerup", (event) => {
  if (!event.target.closest("a, button, input, summary, label, .verdict")) field.focus();
});
addEventListener("focus", () => field.focus());
document.querySelector("[data-clear]").addEventListener("click", clear);
document.querySelector("[data-refresh]").addEventListener("click", () => refresh(true).then(() => field.focus()));
addEventListener("online", () => refresh(false));
addEventListener("offline", () => showNet(false));
startCamera(check);
const theme = new URL(location.href).searchParams.get("theme");
if (["auto", "light", "dark"].includes(theme)) document.documentElement.dataset.theme = theme; // the kept page has its own

show("ready");
field.focus();
if (!globalThis.crypto?.subtle) {
  document.querySelector("[data-insecure]").hidden = false;
} else {
  showNet(navigator.onLine);
  await loadLists(settings.roots);
  showLists();
  document.documentElement.dataset.scanner = "loaded";
  await refresh(false);
  document.documentElement.dataset.scanner = "ready";
  setInterval(() => refresh(false), REFRESH_EVERY);
  setInterval(showLists, 60000);
}
if ("serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker.register("/scanner/worker.js", { scope: "/scanner/" })
    .then(() => navigator.serviceWorker.ready)
    .then((ready) => ready.active?.postMessage("keep-page"))
    .catch(() => undefined); // private windows refuse workers: the page works, only not from a start without network
}
