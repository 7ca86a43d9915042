module.exports = {
  preset: '@react-native/jest-preset',
  // The preset's own, and the package, which consists of ES modules.
  transformIgnorePatterns: [
    'node_modules/(?!((jest-)?react-native|@react-native(-community)?|react-native-auth-session)/)',
  ],
};
