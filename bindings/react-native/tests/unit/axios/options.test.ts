import axios from 'axios';
import type { AxiosError, AxiosRequestConfig } from 'axios';
import { describe, expect, test } from 'vitest';
import { authSessionAdapter } from '../../../src/axios/index.ts';
import { optionTreatments } from '../../../src/axios/options.ts';
import { fakeSender } from '../../support/fakeSender.ts';

async function outcome(config: object): Promise<'sent' | AxiosError> {
  const sender = fakeSender();
  const request = axios.create({ adapter: authSessionAdapter(sender) }).get('/me', config);
  const result = await request.then(
    () => 'sent' as const,
    (error: AxiosError) => error,
  );
  expect(sender.requests).toHaveLength(result === 'sent' ? 1 : 0);
  return result;
}

/** Values that ask for something of each option that is refused, and values that ask for nothing. */
const values: Record<string, { refused: unknown[]; accepted: unknown[] }> = {
  auth: { refused: [{ username: 'a', password: 'b' }], accepted: [undefined, null] },
  withCredentials: { refused: [true, 'include'], accepted: [undefined, false] },
  withXSRFToken: { refused: [true, () => true], accepted: [undefined, null, false] },
  transitional: {
    refused: [{ advertiseZstdAcceptEncoding: true }],
    accepted: [{ clarifyTimeoutError: true, silentJSONParsing: false }],
  },
  env: {
    refused: [{ fetch }, { Request: class {} }, { Response: class {} }],
    accepted: [{ FormData: class {} }, null],
  },
  fetchOptions: { refused: [{ redirect: 'error' }], accepted: [undefined] },
  responseEncoding: { refused: ['latin1', 'base64'], accepted: [undefined, 'utf8', 'UTF-8'] },
  decompress: { refused: [false], accepted: [undefined, true] },
  beforeRedirect: { refused: [() => {}], accepted: [undefined] },
  proxy: { refused: [{ host: 'proxy.example.com', port: 1 }], accepted: [undefined, false] },
  maxRate: { refused: [1000, [1, 2]], accepted: [undefined] },
  httpVersion: { refused: [1, 2], accepted: [undefined] },
  http2Options: { refused: [{}], accepted: [undefined] },
  insecureHTTPParser: { refused: [true], accepted: [undefined, false] },
  socketPath: { refused: ['/run/socket'], accepted: [undefined, null] },
  allowedSocketPaths: { refused: ['/run/socket'], accepted: [undefined, null] },
  transport: { refused: [{}], accepted: [undefined] },
  httpAgent: { refused: [{}], accepted: [undefined] },
  httpsAgent: { refused: [{}], accepted: [undefined] },
  family: { refused: [4], accepted: [undefined] },
  lookup: { refused: [() => {}], accepted: [undefined] },
};

const refusals = Object.entries(optionTreatments).filter(([, treatment]) => 'refused' in treatment);

test('each option that is refused has values here', () => {
  expect(Object.keys(values).sort()).toEqual(refusals.map(([name]) => name).sort());
});

describe.each(Object.entries(values))('%s', (name, { refused, accepted }) => {
  test('is an ERR_BAD_OPTION that names it, before anything is sent', async () => {
    for (const value of refused) {
      const error = await outcome({ [name]: value });
      expect(error).toMatchObject({ name: 'AxiosError', code: 'ERR_BAD_OPTION', config: { url: '/me' } });
      expect((error as AxiosError).message).toContain(`cannot honour ${name}: `);
    }
  });

  test('asks for nothing where it says no more than what happens anyway', async () => {
    for (const value of accepted) expect(await outcome({ [name]: value })).toBe('sent');
  });
});

test('an option of the app’s own, and a header that is not set, are none of the adapter’s business', async () => {
  expect(await outcome({ metadata: { started: 1 }, _retry: true, headers: { Authorization: undefined } })).toBe('sent');
});

test('a header Authorization is an ERR_BAD_OPTION that does not repeat its value', async () => {
  for (const name of ['Authorization', 'authorization']) {
    const error = (await outcome({ headers: { [name]: 'Bearer secret-token' } })) as AxiosError;
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.message).toContain('headers.Authorization');
    expect(error.message).not.toContain('secret-token');
  }
});

test.each<[AxiosRequestConfig | object, string, string]>([
  [{ timeout: 'soon' }, 'ERR_BAD_OPTION_VALUE', 'timeout must be a number of milliseconds'],
  [{ maxContentLength: '5' }, 'ERR_BAD_OPTION_VALUE', 'maxContentLength must be a number of bytes'],
  [{ maxBodyLength: Number.NaN, data: 'a' }, 'ERR_BAD_OPTION_VALUE', 'maxBodyLength must be a number of bytes'],
  ...[-1, 1.5, 11, Infinity].map((maxRedirects): [object, string, string] =>
    [{ maxRedirects }, 'ERR_BAD_OPTION_VALUE', 'maxRedirects must be a whole number from 0 to 10']),
  [{ authSession: { auth: 'none' } }, 'ERR_BAD_OPTION_VALUE', 'authSession.auth must be required, optional or never'],
  [{ authSession: { downloadTo: 5 } }, 'ERR_BAD_OPTION_VALUE', 'authSession.downloadTo must be a string'],
  [{ authSession: { Auth: 'never' } }, 'ERR_BAD_OPTION', 'authSessionAdapter cannot honour authSession.Auth: there is no such option'],
])('%j is an %s: %s', async (config, code, message) => {
  expect(await outcome(config)).toMatchObject({ code, message, request: { method: 'GET' } });
});
