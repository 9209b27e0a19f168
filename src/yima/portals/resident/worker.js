// Service worker of the resident's pages. It keeps the code page's empty shell and its files, never a person's data:
// the codes themselves lie in the phone's IndexedDB, see kept.js.
const VERSION = "__VERSION__";
const KEPT = __KEPT__;
const SHELL = "/resident/offline";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(VERSION).then((cache) => cache.addAll([SHELL, ...KEPT])).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== VERSION && !name.startsWith("scanner-")).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (KEPT.includes(url.pathname)) {
    event.respondWith(caches.match(event.request, { ignoreVary: true }).then((kept) => kept ?? fetch(event.request)));
  } else if (event.request.mode === "navigate" && url.pathname.startsWith("/resident/")) {
    event.respondWith(fetch(event.request).catch(() => caches.match(SHELL, { ignoreVary: true })));
  }
});

// The shell is kept in the language, size and theme in which the page was last seen.
self.addEventListener("message", (event) => {
  if (event.data === "keep-shell") {
    event.waitUntil(caches.open(VERSION).then((cache) => cache.add(new Request(SHELL, { cache: "reload" }))).catch(() => undefined));
  }
});
