import { expect, test } from 'vitest';
import { nativeClientConfig, nativeConfig } from '../../src/config.ts';
import type { AuthSessionConfig } from '../../src/index.ts';

const baseURL = 'https://api.example.com';

test('what is not set does not cross', () => {
  expect(nativeConfig({ baseURL, account: undefined as never, store: null as never })).toEqual({ baseURL });
});

test('members that a backend wants with a call cross as JSON, whose numbers stay what they are', () => {
  const login = { fields: { device: { ids: [1, 2.5] } }, headers: { 'X-Key': 'k' } };
  expect(nativeConfig({ baseURL, endpoints: { type: 'json', login, logoutURL: false } })).toEqual({
    baseURL,
    endpoints: {
      type: 'json',
      logoutURL: false,
      login: { fieldsJson: '{"device":{"ids":[1,2.5]}}', headers: { 'X-Key': 'k' } },
    },
  });
});

test('the header fields of a client cross as a list', () => {
  expect(nativeClientConfig({ baseURL, headers: { 'X-Key': 'k' } })).toEqual({
    baseURL,
    headers: [{ name: 'X-Key', value: 'k' }],
    requestTimeoutMs: null,
  });
});

const circular: Record<string, unknown> = { key: 'secret' };
circular['self'] = circular;

test.each<[string, object]>([
  ['baseUrl', { baseUrl: baseURL }],
  ['endpoints.loginUrl', { endpoints: { type: 'json', loginUrl: 'secret' } }],
  ['endpoints.login.header', { endpoints: { type: 'json', login: { header: {} } } }],
  ['endpoints.loginURL', { endpoints: { type: 'oauth2', loginURL: 'secret' } }],
  ['endpoints.refresh.fields', { endpoints: { type: 'json', refresh: { fields: circular } } }],
  ['store.path', { store: { type: 'memory', path: 'secret' } }],
  ['store.strongBox', { store: { type: 'keychain', strongBox: true } }],
  ['answerRules.code', { answerRules: { code: {} } }],
  ['retry.times', { retry: { times: 3 } }],
  ['pins.expires', { pins: [{ host: 'h', sha256: [], expires: 1 }] }],
  ['constructor', { constructor: 'secret' }],
])('%s is no setting, and the error says so without its value', (name, settings) => {
  const config = { baseURL, ...settings } as AuthSessionConfig;
  expect(() => nativeConfig(config)).toThrow(
    expect.objectContaining({
      name: 'AuthSessionError',
      code: 'invalid_configuration',
      message: expect.stringMatching(new RegExp(`^${name.replaceAll('.', '\\.')} (is no setting|cannot be written)`)),
    }),
  );
});

test('a misspelt setting of a client is an invalid_configuration', () => {
  expect(() => nativeClientConfig({ baseURL, header: {} } as never)).toThrow(/^header is no setting/);
});

test.each([undefined, null, 'secret', [], 1])('%j is no config, which is an invalid_configuration', (config) => {
  for (const read of [nativeConfig, nativeClientConfig]) {
    expect(() => read(config as never)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration', message: 'the config must be an object' }),
    );
  }
});
