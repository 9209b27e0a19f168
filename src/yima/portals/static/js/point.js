// The resident's phone scans a screen or a poster: what the camera reads is sent like what is pasted. A ticket renews itself.
import { startCamera } from "./camera.js";

const EVERY = 10_000;
const form = document.querySelector("[data-point]");
if (form) {
  startCamera((text) => {
    form.querySelector("[data-code-field]").value = text;
    form.submit();
  });
}

async function renew() {
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer?.ok) return; // no network: the number stays, and the next try may succeed
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-ticket]");
  const shown = document.querySelector("[data-ticket]");
  if (fresh && fresh.textContent !== shown.textContent) shown.replaceChildren(...fresh.childNodes);
}

if (document.querySelector("[data-ticket]")) {
  setInterval(() => {
    if (!document.hidden) renew();
  }, EVERY);
}
