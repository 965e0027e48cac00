/** Builds tb.js into dist/, or into the folder named as the argument. */
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(root + 'package.json', 'utf8'));

await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outfile: (process.argv[2] ?? 'dist') + '/tb.js',
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'iife',
  target: 'es2020',
  legalComments: 'none',
  banner: { js: `/*! Tailorbird ${version} | Apache-2.0 */` },
});
