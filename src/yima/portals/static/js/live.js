// The operator's page refreshes its live region every five seconds; it can be paused, and it says when contact is lost.
const EVERY = 5000;
const region = document.querySelector("[data-live]");
const lost = document.querySelector("[data-lost]");
const pause = document.querySelector("[data-pause]");
const word = pause.querySelector("[data-on]");
let paused = false;

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  word.textContent = paused ? word.dataset.on : word.dataset.off;
});

async function refresh() {
  if (!paused && document.visibilityState === "visible") {
    const address = new URL(location.href);
    address.searchParams.set("part", "live");
    const answer = await fetch(address).catch(() => undefined);
    if (answer?.status === 401) location.reload();
    if (answer?.ok && !paused) {
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      region.replaceChildren(...parsed.body.childNodes);
    }
    lost.hidden = Boolean(answer?.ok);
  }
  setTimeout(refresh, EVERY);
}

setTimeout(refresh, EVERY);
