/** Prints what the network carries and fails above the limits. */
import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const LIMITS = { gz: 4096, br: 3650 };

const file = new URL('../dist/tb.js', import.meta.url);
const raw = readFileSync(process.argv[2] ?? file);
const size = {
  raw: raw.length,
  gz: gzipSync(raw, { level: 9 }).length,
  br: brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } }).length,
};
console.log(JSON.stringify({ ...size, limits: LIMITS }));
for (const kind of Object.keys(LIMITS)) {
  if (size[kind] > LIMITS[kind]) {
    console.error(`tb.js is ${size[kind]} bytes ${kind}: the limit is ${LIMITS[kind]}`);
    process.exitCode = 1;
  }
}
