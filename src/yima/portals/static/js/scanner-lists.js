// The lists of the scanner: fetched when there is a network, believed only when signed under the pinned roots, kept in IndexedDB.
import { readStatusList, readTrustList } from "../healthcode/offline/trust.js";

const BASE = "yima-scanner";
const SHELF = "lists";
const TRUST = "/.well-known/trust-list";
const STATUS = "/.well-known/status-lists/";

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

const read = (name) => inShelf("readonly", (shelf) => shelf.get(name));
const write = (name, value) => inShelf("readwrite", (shelf) => shelf.put(value, name));
