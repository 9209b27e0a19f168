// The clinician's desk: the scan field keeps the focus, scanners that type are heard from anywhere, results come without a new page.
import { startCamera } from "./camera.js";
import { signal } from "./signal.js";

const PREFIX = "YM1:";
const RECENT = "yima-recent";
const form = document.querySelector("[data-scan]");
const field = document.querySelector("[data-code-field]");
const result = document.querySelector("[data-result]");

function recent() {
  try {
    return JSON.parse(sessionStorage.getItem(RECENT) ?? "[]");
  } catch {
    return []; // a tab without storage forgets, nothing else
  }
}

function rememberVisit() {
  const visit = document.querySelector("[data-visit]");
  if (!visit) return;
  const { visit: handle, visitName: name, visitTime: time } = visit.dataset;
  const others = recent().filter((one) => one.handle !== handle);
  sessionStorage.setItem(RECENT, JSON.stringify([{ handle, name: veiled(name), time }, ...others].slice(0, 8)));
}

function veiled(name) {
  const letters = [...name];
  if (/^[ -~]*$/u.test(name)) return name.split(" ").map((part) => `${part[0]}*`).join(" ");
  return letters.length < 3 ? `${letters[0]}*` : letters[0] + "*".repeat(letters.length - 2) + letters.at(-1);
}

function showRecent() {
  const list = document.querySelector("[data-recent]");
  if (!list) return;
  for (const { handle, name, time } of recent()) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const when = document.createElement("span");
    link.href = `/clinician/visit/${encodeURIComponent(handle)}`;
    when.textContent = time;
    link.append(name, when);
    item.append(link);
    list.append(item);
  }
  document.querySelector("[data-recent-none]").hidden = list.childElementCount > 0;
}

async function send() {
  result.classList.add("busy");
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body, headers: { "yima-script": "1" } }).catch(() => undefined);
  result.classList.remove("busy");
  field.value = "";
  field.focus();
  if (!answer) {
    showNetworkTrouble();
    return;
  }
  if (!answer.headers.get("content-type")?.startsWith("application/json")) {
    location.reload(); // signed out, or the platform is busy: the page says which
    return;
  }
  const { go, html, refused } = await answer.json();
  if (go) {
    signal("good");
    location.assign(go);
    return;
  }
  const parsed = new DOMParser().parseFromString(html, "text/html");
  result.replaceChildren(...parsed.body.childNodes);
  signal(refused ? "bad" : "soft");
}

function showNetworkTrouble() {
  const p = document.createElement("p");
  p.className = "outcome refused";
  p.textContent = result.dataset.network;
  result.replaceChildren(p);
  signal("bad");
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) send();
    else field.focus();
  });
  field.focus();
  // After a choice was made or the page was touched beside a control, the next scan must find the field again.
  for (const choice of form.querySelectorAll("select")) choice.addEventListener("change", () => field.focus());
  addEventListener("focus", () => field.focus());
  document.addEventListener("pointerup", (event) => {
    if (!event.target.closest("a, button, input, select, textarea, summary, label")) field.focus();
  });
  startCamera((text) => {
    field.value = text;
    send();
  });
  if (document.querySelector("[data-outcome='refused']")) signal("bad");
}

// A handheld scanner types wherever the focus is. When the prefix of a code arrives outside the scan field, the rest goes into it.
// No clock: scanners on the air and busy machines leave gaps of any length, and nobody types the prefix by chance.
let typed = "";
document.addEventListener("keydown", (event) => {
  if (!field || event.target === field || event.key === "Shift") return; // scanners hold Shift for capitals
  const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  typed = letter ? (typed + event.key.toUpperCase()).slice(-PREFIX.length) : "";
  if (typed === PREFIX) {
    event.preventDefault();
    const other = event.target;
    if ("value" in other) other.value = other.value.slice(0, -(PREFIX.length - 1));
    field.value = PREFIX;
    field.focus();
    typed = "";
  }
});

const find = document.querySelector("[data-find-field]");
if (find) {
  find.hidden = false;
  const count = document.querySelector("[data-find-count]");
  const items = [...document.querySelectorAll("[data-find]")].map((element) => ({ element, text: element.textContent.toLowerCase() }));
  const search = () => {
    const wanted = find.value.trim().toLowerCase();
    let found = 0;
    for (const { element, text } of items) {
      const hit = !wanted || text.includes(wanted);
      element.classList.toggle("away", !hit);
      if (hit && wanted) {
        found += 1;
        const closed = element.closest("details:not([open])");
        if (closed && !closed.matches("[data-find]")) closed.open = true;
      }
    }
    count.textContent = wanted ? count.dataset.words.replace("{n}", String(found)) : "";
  };
  find.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && event.target === find) {
      find.value = "";
      search();
    }
  });
}

rememberVisit();
showRecent();
