// Points of the curve P-256 (FIPS 186-4, D.1.2.3) in the compressed form of SEC 1, section 2.3.3.

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** The coordinates {x, y} (32 bytes each) of a compressed point (33 bytes), or undefined when there is none. */
export function decompressed(point) {
  if (point.length !== 33 || (point[0] !== 2 && point[0] !== 3)) return undefined;
  const x = BigInt(`0x${Array.from(point.subarray(1), (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  if (x >= P) return undefined;
  const square = (((x * x * x - 3n * x + B) % P) + P) % P;
  const root = power(square, (P + 1n) / 4n); // P = 3 mod 4
  if ((root * root) % P !== square) return undefined;
  const y = Number(root & 1n) === point[0] - 2 ? root : P - root;
  return { x: point.slice(1), y: Uint8Array.from(y.toString(16).padStart(64, "0").match(/../gu), (pair) => parseInt(pair, 16)) };
}

function power(base, exponent) {
  let [out, square] = [1n, base];
  for (let rest = exponent; rest; rest >>= 1n) {
    if (rest & 1n) out = (out * square) % P;
    square = (square * square) % P;
  }
  return out;
}
