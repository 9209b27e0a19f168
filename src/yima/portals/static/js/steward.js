// Keys of the stewards' desk. Every key presses something that stands on the page: without this module nothing is missing.
// One-key shortcuts can be switched off (WCAG 2.1.4); the choice stays in this browser.
const KEPT = "yima-steward-keys";
const help = document.querySelector("[data-keys]");
const opener = document.querySelector("[data-keys-open]");
const choice = document.querySelector("[data-keys-on]");

function wanted() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true; // a browser without storage forgets the choice, nothing else
  }
}

choice.checked = wanted();
choice.addEventListener("change", () => {
  try {
    localStorage.setItem(KEPT, choice.checked ? "on" : "off");
  } catch {
    // stays for this page
  }
});
opener.hidden = false;
opener.addEventListener("click", () => help.showModal());

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + by))].focus();
  return true;
}

function press(key) {
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target) return false;
  const needed = key === "m" && document.querySelector("textarea[data-needed]");
  if (needed && !needed.value.trim()) needed.focus();
  else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !/^(radio|checkbox)$/.test(event.target.type);
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (!choice.checked) return;
  const key = event.key.toLowerCase();
  const done = key === "?" ? (help.showModal(), true)
    : (key === "j" || key === "k") && step(key === "j" ? 1 : -1) ? true
    : /^[jkmnlu]$/.test(key) && press(key);
  if (done) event.preventDefault();
});
