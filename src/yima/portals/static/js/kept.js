// The phone's own storage for the batch of codes: IndexedDB, one row. The batch is its holder's secret.
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
