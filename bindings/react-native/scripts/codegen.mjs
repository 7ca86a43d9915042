// Runs React Native's own codegen on the spec, as an app's build does, with today's version and with the oldest one
// that is supported.
//
//   node scripts/codegen.mjs OUTPUT
//
// writes OUTPUT/{schema.json,android,ios} and OUTPUT/floor/{schema.json,android,ios}.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const { codegenConfig } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
const platforms = ['android', 'ios'];

const output = path.resolve(process.argv[2]);
const floorOutput = path.join(output, 'floor');
rmSync(output, { recursive: true, force: true });
mkdirSync(floorOutput, { recursive: true });

function schema(codegen, file) {
  execFileSync(process.execPath, [
    require.resolve(`${codegen}/lib/cli/combine/combine-js-to-schema-cli.js`),
    file,
    path.join(packageRoot, codegenConfig.jsSrcsDir),
    '--libraryName',
    codegenConfig.name,
  ]);
  return file;
}

const today = schema('@react-native/codegen', path.join(output, 'schema.json'));
for (const platform of platforms) {
  execFileSync(process.execPath, [
    require.resolve('react-native/scripts/generate-specs-cli'),
    ...['--platform', platform],
    ...['--schemaPath', today],
    ...['--outputDir', path.join(output, platform)],
    ...['--libraryName', codegenConfig.name],
    ...['--javaPackageName', codegenConfig.android.javaPackageName],
    ...['--libraryType', codegenConfig.type],
  ]);
}

// The command above belongs to react-native, of which the oldest version is not installed; this is what it does.
const floor = schema('react-native-codegen-floor', path.join(floorOutput, 'schema.json'));
const generators = { android: ['modulesAndroid', 'modulesCxx'], ios: ['modulesIOS', 'modulesCxx'] };
for (const platform of platforms) {
  require('react-native-codegen-floor/lib/generators/RNCodegen').generate(
    {
      libraryName: codegenConfig.name,
      schema: JSON.parse(readFileSync(floor, 'utf8')),
      outputDirectory: path.join(floorOutput, platform),
      packageName: codegenConfig.android.javaPackageName,
      assumeNonnull: platform === 'ios',
    },
    { generators: generators[platform] },
  );
}
