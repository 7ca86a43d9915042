import { existsSync } from 'node:fs';
import path from 'node:path';
import { target } from './checkout.ts';

const packed = path.join(target, 'react-native/packed');
if (!existsSync(path.join(packed, 'files.json'))) {
  throw new Error('the package is not packed: node scripts/pack.mjs ../../target/react-native/packed');
}

/** What `npm publish` would send. */
export const tarball = path.join(packed, 'package.tgz');

/** What is in it. */
export const fileList = path.join(packed, 'files.json');

/** An app that has the package installed. */
export const app = path.join(packed, 'app');

/** The package there. */
export const installed = path.join(app, 'node_modules/react-native-auth-session');
