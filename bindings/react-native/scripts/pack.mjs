// Packs the package as `npm publish` would, and installs it for an app:
//
//   node scripts/pack.mjs OUTPUT
//
// writes OUTPUT/package.tgz, OUTPUT/files.json (what is in it) and OUTPUT/app/node_modules, where the package is unpacked,
// and everything else is that of this checkout, but for `expo`: of that there is only what a config plugin needs of it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const output = path.resolve(process.argv[2]);
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });

const packed = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', output], {
  cwd: packageRoot,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
// The scripts of the package may have written something before it.
const [{ filename, files, name }] = JSON.parse(packed.slice(packed.indexOf('[\n')));
const tarball = path.join(output, 'package.tgz');
renameSync(path.join(output, filename), tarball);
writeFileSync(path.join(output, 'files.json'), JSON.stringify(files.map((file) => file.path).sort()));

const modules = path.join(output, 'app/node_modules');
const installed = path.join(modules, name);
mkdirSync(installed, { recursive: true });
execFileSync('tar', ['--extract', '--gzip', '--file', tarball, '--strip-components=1', '--directory', installed]);
for (const other of readdirSync(path.join(packageRoot, 'node_modules')).filter((entry) => !entry.startsWith('.'))) {
  symlinkSync(path.join(packageRoot, 'node_modules', other), path.join(modules, other));
}

const expo = path.join(modules, 'expo');
mkdirSync(expo);
writeFileSync(path.join(expo, 'package.json'), '{ "name": "expo", "version": "0.0.0" }\n');
writeFileSync(path.join(expo, 'config-plugins.js'), "module.exports = require('@expo/config-plugins');\n");
writeFileSync(path.join(expo, 'config-plugins.d.ts'), "export * from '@expo/config-plugins';\n");
