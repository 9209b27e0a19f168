// The code page: draws a new code every step from the batch, with or without network. The text of a code is never put into the page.
import { batchSecondsLeft, clockOffset, codeAt, secondsLeft } from "../healthcode/code.js";
import { encode } from "../vendor/uqr-0.1.3.mjs";
import { certify, deviceReady, deviceTextAt, loadDevice } from "./device-code.js";
import { keep, kept } from "./kept.js";

const REFRESH_SECONDS = 6 * 3600; // fetch a new batch when fewer hours are left
const USED_EVERY = 5000; // milliseconds between questions where the code was used, while the page is seen
const QUIET = 4; // light modules around the symbol (ISO/IEC 18004)

const pass = document.querySelector("[data-code]");
const place = pass.querySelector("[data-qr]");
const ring = pass.querySelector("[data-ring]");
const line = pass.querySelector("[data-ring-line]");
const count = pass.querySelector("[data-ring-count]");
const announce = document.querySelector("[data-announce]");
let held; // {batch, number, name, offset}
let shown = "";
let down = false; // show the code for a terminal without network

const member = pass.dataset.for ? `?for=${pass.dataset.for}` : ""; // somebody else's code: shown, never kept

const platformNow = () => Date.now() + held.offset;

async function load() {
  const data = document.getElementById("batch");
  if (data) {
    held = JSON.parse(data.textContent);
    held.offset = clockOffset(held.batch, Date.now());
    if (!member) await keep(held).catch(() => undefined); // private windows may refuse storage
    return;
  }
  held = await kept().catch(() => undefined);
}

async function renewBatch() {
  const answer = await fetch(`/resident/code/batch${member}`, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  held = await answer.json();
  held.offset = clockOffset(held.batch, Date.now());
  if (!member) await keep(held).catch(() => undefined);
}

function draw(text) {
  const { data, size } = encode(text, { ecc: "M", border: QUIET });
  // A whole number of screen pixels a module: edges stay sharp on every phone.
  const ratio = window.devicePixelRatio || 1;
  const module = Math.max(Math.floor((place.clientWidth * ratio) / size), 1);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = module * size;
  canvas.style.width = canvas.style.height = `${(module * size) / ratio}px`;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000";
  data.forEach((row, y) => row.forEach((dark, x) => dark && pen.fillRect(x * module, y * module, module, module)));
  place.replaceChildren(canvas);
}

function say(words) {
  const p = document.createElement("p");
  p.textContent = words;
  place.replaceChildren(p);
  ring.hidden = true;
}

function drawnByPlatform() {
  // Without a secure context browsers have no WebCrypto: the platform draws, the page asks again in time.
  const image = new Image();
  image.src = `/resident/code/now.svg${member || "?"}&${Date.now()}`;
  image.alt = "";
  place.replaceChildren(image);
  setTimeout(drawnByPlatform, 30000);
}

async function tick() {
  const now = platformNow();
  let text;
  try {
    text = down ? await deviceTextAt(now, held.batch.step) : await codeAt(held.batch, now);
  } catch (trouble) {
    if (!(trouble instanceof RangeError)) throw trouble;
    shown = "";
    say(pass.dataset.ended);
    renewBatch().catch(() => undefined);
    return;
  }
  const left = secondsLeft(held.batch, now);
  if (text !== shown) {
    draw(text);
    ring.hidden = false;
    line.classList.remove("moving");
    line.style.strokeDashoffset = String(100 - (100 * left) / held.batch.step);
    void line.getBoundingClientRect(); // let the full ring be painted before it starts to empty
    if (shown) announce.textContent = pass.dataset.new;
    shown = text;
  }
  line.classList.add("moving");
  line.style.strokeDashoffset = String(100 - (100 * (left - 1)) / held.batch.step);
  count.textContent = String(left);
}

function beat() {
  if (document.visibilityState === "visible") tick();
  setTimeout(beat, 1000 - (platformNow() % 1000) + 15);
}

function nameSwitch() {
  const button = pass.querySelector("[data-show-name]");
  const name = pass.querySelector("[data-name]");
  const word = button.querySelector("[data-on]");
  if (!name.dataset.name && held) {
    name.dataset.name = held.name;
    name.dataset.masked = masked(held.name);
    name.textContent = name.dataset.masked;
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(open));
    name.textContent = open ? name.dataset.name : name.dataset.masked;
    word.textContent = open ? word.dataset.on : word.dataset.off;
  });
}

function masked(name) {
  const letters = [...name];
  return letters.length < 3 ? `${letters[0]}*` : letters[0] + "*".repeat(Math.min(letters.length - 2, 4)) + letters.at(-1);
}

/** The switch to the code for a terminal without network: offered once the platform has certified this phone's key. */
async function networkDown() {
  const button = document.querySelector("[data-device]");
  if (!button || member || !globalThis.crypto?.subtle) return;
  const word = button.querySelector("[data-on]");
  const kind = pass.querySelector("[data-kind]");
  const offer = () => {
    button.hidden = !deviceReady(platformNow());
  };
  button.addEventListener("click", () => {
    down = !down;
    button.setAttribute("aria-pressed", String(down));
    word.textContent = down ? word.dataset.on : word.dataset.off;
    kind.textContent = down ? kind.dataset.down : kind.dataset.dynamic;
    document.querySelector("[data-device-more]").hidden = !down;
    tick();
  });
  await loadDevice(held.number);
  offer();
  if (navigator.onLine) await certify(held.number, pass.dataset.token, platformNow()).catch(() => undefined);
  offer();
}

function offlineBadge() {
  const badge = document.querySelector("[data-offline-ready]");
  if (!badge) return;
  const words = badge.querySelector("span");
  const show = () => {
    const away = !navigator.onLine;
    if (away) badge.hidden = false;
    badge.classList.toggle("away", away);
    words.textContent = away ? words.dataset.away : words.dataset.online;
  };
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}

let lastUse;
async function askUsed() {
  const region = document.querySelector("[data-used]");
  if (document.visibilityState === "visible" && navigator.onLine) {
    const answer = await fetch("/resident/code/used").catch(() => undefined);
    const uses = answer?.ok ? (await answer.json()).uses : undefined;
    const use = uses?.[0];
    if (lastUse !== undefined && use && use.id !== lastUse) showUse(region, use);
    if (uses) lastUse = use ? use.id : "";
  }
  setTimeout(askUsed, USED_EVERY);
}

function showUse(region, use) {
  const box = document.createElement("div");
  box.className = `notice ${use.tone}`;
  const mark = document.createElement("span");
  mark.setAttribute("aria-hidden", "true");
  mark.textContent = use.tone === "ok" ? "✓" : "!";
  const text = document.createElement("span");
  const strong = document.createElement("strong");
  strong.textContent = use.text;
  text.append(strong, use.more);
  box.append(mark, text);
  region.replaceChildren(box);
  navigator.vibrate?.(use.tone === "ok" ? 60 : [80, 60, 80]);
}

async function stayBright() {
  if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
  await navigator.wakeLock.request("screen").catch(() => undefined);
}

await load();
if (!held) {
  pass.hidden = true;
} else {
  document.querySelector("[data-no-code]")?.remove();
  pass.hidden = false;
  const number = pass.querySelector("[data-number]");
  if (number) number.textContent = held.number;
  nameSwitch();
  offlineBadge();
  networkDown();
  if (globalThis.crypto?.subtle || held.batch.profile === "SM") beat();
  else drawnByPlatform();
  if (navigator.onLine && batchSecondsLeft(held.batch, platformNow()) < REFRESH_SECONDS) renewBatch().catch(() => undefined);
  if (document.querySelector("[data-used]")) askUsed();
  stayBright();
  document.addEventListener("visibilitychange", stayBright);
}
