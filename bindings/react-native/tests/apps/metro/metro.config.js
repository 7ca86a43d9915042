const path = require('node:path');
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');
const { FileStore } = require('metro-cache');

const config = getDefaultConfig(__dirname);
// Metro looks only into folders it is told of, and the packages beside the installed one are links to these.
const nodeModules = path.join(require.resolve('react-native/package.json'), '../..');

module.exports = mergeConfig(config, {
  projectRoot: __dirname,
  watchFolders: [path.join(__dirname, '..'), nodeModules],
  cacheStores: [new FileStore({ root: path.join(__dirname, '../../metro-cache') })],
  serializer: {
    // Sets up what only a device has.
    getModulesRunBeforeMainModule: () => [],
  },
  resolver: {
    resolveRequest: (context, name, platform) =>
      name === 'react-native' && !context.originModulePath.includes(`${path.sep}metro${path.sep}reactNative.js`)
        ? { type: 'sourceFile', filePath: path.join(__dirname, 'reactNative.js') }
        : context.resolveRequest(context, name, platform),
  },
});
