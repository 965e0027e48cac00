/** Bundles each test with what it tests and runs them under node:test. */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tests = fileURLToPath(new URL('../test/', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'snippet-test-'));
const names = readdirSync(tests).filter((name) => name.endsWith('.test.ts'));
await build({
  entryPoints: names.map((name) => tests + name),
  outdir: out,
  bundle: true,
  platform: 'node',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: 'inline',
});
const { status } = spawnSync(process.execPath, ['--test', ...names.map((name) => join(out, name.replace('.ts', '.mjs')))], { stdio: 'inherit' });
rmSync(out, { recursive: true });
process.exit(status ?? 1);
