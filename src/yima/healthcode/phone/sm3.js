// SM3 (GB/T 32905-2016) and HMAC over it (RFC 2104): browsers have no SM3. Section numbers are the standard's.

const BLOCK = 64;
const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e]; // 4.1

const rotate = (x, n) => (x << n) | (x >>> (32 - n));
const p0 = (x) => x ^ rotate(x, 9) ^ rotate(x, 17); // 4.4
const p1 = (x) => x ^ rotate(x, 15) ^ rotate(x, 23);
// 4.2, turned by j once: T(j) <<< (j mod 32)
const T = Array.from({ length: 64 }, (_, j) => {
  const t = j < 16 ? 0x79cc4519 : 0x7a879d8a;
  return j % 32 ? rotate(t, j % 32) : t;
});

/** The 32-byte digest of a Uint8Array. */
export function sm3(message) {
  const padded = pad(message);
  const state = Int32Array.from(IV, (word) => word | 0);
  for (let at = 0; at < padded.byteLength; at += BLOCK) compress(state, padded, at);
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setInt32(4 * i, word));
  return new Uint8Array(out.buffer);
}

/** HMAC-SM3, 32 bytes. */
export function hmacSm3(key, message) {
  const short = key.length > BLOCK ? sm3(key) : key;
  const inner = new Uint8Array(BLOCK + message.length).fill(0x36, 0, BLOCK);
  const outer = new Uint8Array(BLOCK + 32).fill(0x5c, 0, BLOCK);
  short.forEach((byte, i) => {
    inner[i] ^= byte;
    outer[i] ^= byte;
  });
  inner.set(message, BLOCK);
  outer.set(sm3(inner), BLOCK);
  return sm3(outer);
}

// 5.2: a one bit, zeros, the length in bits as 64-bit integer
function pad(message) {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / BLOCK) * BLOCK);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x20000000));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
  return view;
}

// 5.3.2: the message expanded to 68 words
function expand(view, at) {
  const w = new Int32Array(68);
  for (let j = 0; j < 16; j++) w[j] = view.getInt32(at + 4 * j);
  for (let j = 16; j < 68; j++) {
    w[j] = p1(w[j - 16] ^ w[j - 9] ^ rotate(w[j - 3], 15)) ^ rotate(w[j - 13], 7) ^ w[j - 6];
  }
  return w;
}

// 5.3.3: 64 rounds
function compress(state, view, at) {
  const w = expand(view, at);
  let [a, b, c, d, e, f, g, h] = state;
  for (let j = 0; j < 64; j++) {
    const turned = rotate(a, 12);
    const ss1 = rotate((turned + e + T[j]) | 0, 7);
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c); // 4.3
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + (ss1 ^ turned) + (w[j] ^ w[j + 4])) | 0;
    const tt2 = (gg + h + ss1 + w[j]) | 0;
    [d, c, b, a] = [c, rotate(b, 9), a, tt1];
    [h, g, f, e] = [g, rotate(f, 19), e, p0(tt2)];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] ^= word;
  });
}
