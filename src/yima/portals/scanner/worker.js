// Service worker of the scanner page: the page starts with no network, in both languages. It keeps files only; lists lie in
// IndexedDB (scanner-lists.js), what is scanned nowhere.
const CACHE = "scanner-__VERSION__";
const OURS = "scanner-";
const KEPT = __KEPT__;
const PAGE = "/scanner/";
const LANGUAGES = ["zh", "en"];
const PATIENCE = 3000; // milliseconds a slow network is waited for before the kept page is shown

// Without cookies, so that fetching a language does not choose it.
const fresh = (address, credentials) => new Request(address, { cache: "reload", credentials });
const pages = () => LANGUAGES.map((lang) => fresh(`${PAGE}?lang=${lang}`, "omit"));

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE)
      .then((cache) => cache.addAll([fresh(PAGE, "same-origin"), ...pages(), ...KEPT]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (KEPT.includes(url.pathname)) {
    event.respondWith(kept(event.request).then((found) => found ?? fetch(event.request)));
  } else if (event.request.mode === "navigate" && url.pathname === PAGE) {
    event.respondWith(soonest(event.request, url));
  }
});

const kept = (request) => caches.match(request, { cacheName: CACHE, ignoreVary: true });

async function soonest(request, url) {
  const lang = LANGUAGES.find((one) => url.searchParams.get("lang") === one);
  const impatient = new Promise((resolve, reject) => setTimeout(reject, PATIENCE));
  try {
    const answer = await Promise.race([fetch(request), impatient]);
    if (answer.status < 500) return answer;
  } catch {
    // no network, or too slow: the kept page
  }
  return (await kept(lang ? `${PAGE}?lang=${lang}` : PAGE)) ?? Response.error();
}

// The page is kept in the language and theme in which it was last seen.
self.addEventListener("message", (event) => {
  if (event.data !== "keep-page") return;
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(fresh(PAGE, "same-origin"))).catch(() => undefined));
});
