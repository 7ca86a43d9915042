// Builds what the package publishes, in the layout of react-native-builder-bob:
//
//   node scripts/build.mjs
//
// writes lib/module (ES modules), lib/typescript (their declarations) and plugin/build (the Expo plugin, CommonJS, which
// is what Expo loads), and copies the licences, of which a package must have its own.
//
// tsc does it alone: it writes the same modules as Babel, which builder-bob runs, with the declarations that belong to
// them, and an app's own Babel lowers them to what its Hermes knows.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const repository = path.join(packageRoot, '../..');
const inPackage = (...names) => path.join(packageRoot, ...names);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

// What an earlier build left of files that are gone would be published.
for (const folder of ['lib', 'plugin/build']) rmSync(inPackage(folder), { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'plugin/tsconfig.json']) {
  execFileSync(process.execPath, [tsc, '-p', inPackage(project)], { stdio: 'inherit' });
}

// The package itself has no type, so that Expo 55 can require app.plugin.js; these folders hold ES modules.
for (const folder of ['lib/module', 'lib/typescript']) {
  mkdirSync(inPackage(folder), { recursive: true });
  writeFileSync(inPackage(folder, 'package.json'), '{ "type": "module", "sideEffects": false }\n');
}

for (const licence of readdirSync(repository).filter((name) => name.startsWith('LICENSE'))) {
  copyFileSync(path.join(repository, licence), inPackage(licence));
}
