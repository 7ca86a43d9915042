// Says which of the native libraries are missing that a release brings along, since neither npm nor an app's JavaScript
// would notice. npm runs it before it publishes.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const missing = ['ios/Frameworks/AuthSessionKit.xcframework', 'android/maven/dev/authsession/auth-session'].filter(
  (place) => !existsSync(path.join(packageRoot, place)),
);
if (missing.length > 0) {
  console.error(`These native libraries are missing: ${missing.join(', ')}`);
  process.exitCode = 1;
}
