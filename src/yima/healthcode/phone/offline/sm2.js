// SM2 signature verification (GB/T 32918.2-2016 with the curve of GB/T 32918.5-2017): browsers have no SM2.
// Only public values are worked on, so nothing here needs constant time. Section numbers are the standard's.

import { sm3 } from "../sm3.js";
import { joined, toUtf8 } from "./bytes.js";

const P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn; // part 5, the recommended curve
const A = P - 3n;
const B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
const N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const G = [0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n, 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n, 1n];
const SIGNER = toUtf8("1234567812345678"); // GM/T 0009-2012, section 10: the signer id when none was agreed

const mod = (x, m = P) => ((x % m) + m) % m;

/** Whether `signature` (r|s, 64 bytes) over `message` was made with the key (x, y: 32 bytes each). Never throws. */
export function verifySm2(x, y, message, signature, signer = SIGNER) {
  if (x.length !== 32 || y.length !== 32 || signature.length !== 64) return false;
  const key = [integer(x), integer(y), 1n];
  if (key[0] >= P || key[1] >= P || mod(key[1] ** 2n - (key[0] ** 3n + A * key[0] + B))) return false;
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32));
  if (!r || !s || r >= N || s >= N) return false; // 7.1 B1, B2
  const e = integer(sm3(joined(identity(x, y, signer), message))); // B3, B4
  const t = (r + s) % N; // B5
  if (!t) return false;
  const point = sum(s, G, t, key); // B6
  if (!point[2]) return false;
  const x1 = mod(point[0] * inverse(point[2] ** 2n % P));
  return (e + x1) % N === r; // B7
}

// 5.5: Z = SM3(bits of the id | id | a | b | G | key)
function identity(x, y, signer) {
  const bits = signer.length * 8;
  const curve = [A, B, G[0], G[1]].map(octets);
  return sm3(joined(Uint8Array.of(bits >> 8, bits & 0xff), signer, ...curve, x, y));
}

/** u*p + v*q, both scalars walked together; Jacobian coordinates, z = 0 is the point at infinity. */
function sum(u, p, v, q) {
  const both = add(p, q);
  let out = [1n, 1n, 0n];
  for (let i = 255n; i >= 0n; i--) {
    out = double(out);
    const [bitU, bitV] = [(u >> i) & 1n, (v >> i) & 1n];
    if (bitU && bitV) out = add(out, both);
    else if (bitU) out = add(out, p);
    else if (bitV) out = add(out, q);
  }
  return out;
}

// Jacobian doubling for a = -3 ("dbl-2001-b" of the Explicit-Formulas Database)
function double([x, y, z]) {
  if (!z || !y) return [1n, 1n, 0n];
  const delta = (z * z) % P;
  const gamma = (y * y) % P;
  const beta = (x * gamma) % P;
  const alpha = (3n * (x - delta) * (x + delta)) % P;
  const x3 = mod(alpha * alpha - 8n * beta);
  return [x3, mod(alpha * (4n * beta - x3) - 8n * gamma * gamma), mod((y + z) ** 2n - gamma - delta)];
}

// Jacobian addition ("add-2007-bl", without its savings)
function add([x1, y1, z1], [x2, y2, z2]) {
  if (!z1) return [x2, y2, z2];
  if (!z2) return [x1, y1, z1];
  const [s1, s2] = [(z1 * z1) % P, (z2 * z2) % P];
  const [u1, u2] = [(x1 * s2) % P, (x2 * s1) % P];
  const [v1, v2] = [(y1 * s2 * z2) % P, (y2 * s1 * z1) % P];
  const [h, r] = [mod(u2 - u1), mod(v2 - v1)];
  if (!h) return r ? [1n, 1n, 0n] : double([x1, y1, z1]);
  const hh = (h * h) % P;
  const hhh = (h * hh) % P;
  const v = (u1 * hh) % P;
  const x3 = mod(r * r - hhh - 2n * v);
  return [x3, mod(r * (v - x3) - v1 * hhh), mod(h * z1 * z2)];
}

/** x^-1 mod P by the extended algorithm of Euclid. */
function inverse(x) {
  let [a, b, u, v] = [mod(x), P, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, u, v] = [b - q * a, a, v - q * u, u];
  }
  return mod(u);
}

const integer = (bytes) => BigInt(`0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);

const octets = (value) => Uint8Array.from(value.toString(16).padStart(64, "0").match(/../gu), (pair) => parseInt(pair, 16));
