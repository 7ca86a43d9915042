import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// What is about mistakes, and nothing about style.
export default tseslint.config(
  { ignores: ['lib/', 'plugin/build/', 'android/', 'ios/', 'harness/', 'tests/apps/readme/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // A signal may be aborted for any reason, and whoever waits gets that.
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // What an async function throws is a rejection.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // An error names what a caller in JavaScript has passed, where the types say that nobody can.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNever: true, allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        // Not in every Hermes that React Native has brought since 0.83.
        ...['Buffer', 'TextDecoder', 'structuredClone', 'WeakRef', 'FinalizationRegistry'],
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    extends: [reactHooks.configs.flat.recommended],
  },
  {
    // axios declares what passes through it as `any`.
    files: ['src/axios/**/*.ts'],
    rules: {
      '@typescript-eslint/no-empty-object-type': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      'no-console': 'off',
      'no-restricted-globals': 'off',
      // A test that is wrong about what it reads or passes on fails.
      ...Object.fromEntries(
        [
          'no-base-to-string',
          'no-unnecessary-type-assertion',
          'no-unsafe-argument',
          'no-unsafe-assignment',
          'no-unsafe-call',
          'no-unsafe-member-access',
          'no-unsafe-return',
          'restrict-template-expressions',
          'unbound-method',
        ].map((rule) => [`@typescript-eslint/${rule}`, 'off']),
      ),
      'preserve-caught-error': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['app.plugin.js', 'tests/apps/**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['module', 'require', '__dirname', 'jest', 'test', 'expect', 'afterEach'].map((name) => [name, 'readonly']),
      ),
    },
  },
);
