// The phone's own storage: IndexedDB, one row for the batch of codes, one for the device key and its certificate. Both are
// their holder's secret; the key's private half cannot be read out even here.
const BASE = "yima-resident";
const SHELF = "code";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(BASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SHELF);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inShelf(mode, work) {
  const base = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const request = work(base.transaction(SHELF, mode).objectStore(SHELF));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    base.close();
  }
}

/** Keep `{batch, number, name, offset}`; `offset` is the milliseconds between this phone's clock and the platform's. */
export const keep = (value) => inShelf("readwrite", (shelf) => shelf.put(value, "now"));

/** What was kept, or undefined. */
export const kept = () => inShelf("readonly", (shelf) => shelf.get("now"));

/** Keep `{number, pair, certificate}` of the code for a terminal without network. */
export const keepDevice = (value) => inShelf("readwrite", (shelf) => shelf.put(value, "device"));

/** What was kept of it, or undefined. */
export const keptDevice = () => inShelf("readonly", (shelf) => shelf.get("device"));

/** Forget everything. */
export const forget = () => inShelf("readwrite", (shelf) => shelf.clear());
