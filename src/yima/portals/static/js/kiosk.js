// The kiosk's screen waits for the resident's answer, and counts down until the code ends.
const EVERY = 1000;
const asked = document.querySelector("[data-asked]");
const left = document.querySelector("[data-left]");
const lost = document.querySelector("[data-lost]");
const ends = Date.now() + Number(asked.dataset.seconds) * 1000;

function close(name, text) {
  for (const part of document.querySelectorAll("[data-open]")) part.hidden = true;
  const verdict = document.querySelector(`[data-verdict="${name}"]`);
  if (text) verdict.querySelector("[data-said]").textContent = text;
  verdict.hidden = false;
}

async function look() {
  left.textContent = left.dataset.words.replace("#", String(Math.max(0, Math.ceil((ends - Date.now()) / 1000))));
  const answer = await fetch(`/kiosk/screen/state/${asked.dataset.asked}`).catch(() => undefined);
  lost.hidden = Boolean(answer?.ok);
  const { state, text } = answer?.ok ? await answer.json() : { state: "waiting" };
  if (state === "waiting") setTimeout(look, EVERY);
  else close(state, text);
}

look();
