// What every resident page gains from scripts: reading aloud, printing, and the worker that lets the code page live offline.

const speak = document.querySelector("[data-speak]");
if (speak && "speechSynthesis" in window) {
  speak.hidden = false;
  speak.addEventListener("click", () => {
    if (speechSynthesis.speaking) {
      speechSynthesis.cancel();
      return;
    }
    const main = document.querySelector("main");
    const said = new SpeechSynthesisUtterance(main.innerText.slice(0, 4000));
    said.lang = document.documentElement.lang;
    said.rate = 0.9;
    speechSynthesis.speak(said);
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

if ("serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker.register("/resident/worker.js", { scope: "/resident/" })
    .then(() => navigator.serviceWorker.ready)
    .then((ready) => {
      ready.active?.postMessage("keep-shell");
      for (const badge of document.querySelectorAll("[data-offline-ready]")) badge.hidden = false;
    })
    .catch(() => undefined); // private windows refuse workers: the page works, only not offline
}
