// The code page for several people: swipe to the next one, and forget kept codes when the card does not stand.
import { forget } from "./kept.js";

const NEAR = 60; // CSS pixels a finger must travel sideways

const tabs = [...document.querySelectorAll("[data-family] a")];
const place = document.querySelector("[data-swipe]");
if (place && tabs.length > 1) {
  let from;
  place.addEventListener("touchstart", (event) => { from = event.changedTouches[0]; }, { passive: true });
  place.addEventListener("touchend", (event) => {
    const to = event.changedTouches[0];
    const across = to.clientX - from.clientX;
    if (Math.abs(across) < NEAR || Math.abs(to.clientY - from.clientY) > Math.abs(across)) return;
    const here = tabs.findIndex((tab) => tab.hasAttribute("aria-current"));
    const next = tabs[here + (across < 0 ? 1 : -1)];
    if (next) location.assign(next.href);
  }, { passive: true });
}

if (document.querySelector("[data-forget]")) forget().catch(() => undefined);
