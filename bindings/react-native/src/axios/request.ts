import { Axios, AxiosHeaders } from 'axios';
import type { InternalAxiosRequestConfig } from 'axios';
import type { HeaderField } from '../fetch/headers.ts';
import { plainRequest } from '../exchange.ts';
import type { NativeRequest } from '../exchange.ts';
import { encodedBody } from './body.ts';
import { authSessionOptions, badOption, byteLimit, redirectLimit, refuseOptions, timeoutMs } from './options.ts';
import { answerAs } from './response.ts';

// Not the `axios` that the app imports: `getUri` adds the defaults of its own instance, and another one sends.
const withoutDefaults = new Axios();

/**
 * What axios asks for, as the native module takes it. What cannot be honoured throws an `AxiosError` that names it.
 *
 * axios has run its interceptors and `transformRequest` by now.
 */
export async function nativeRequest(config: InternalAxiosRequestConfig): Promise<NativeRequest> {
  refuseOptions(config);
  const settings = {
    ...authSessionOptions(config),
    url: withoutDefaults.getUri(config).replaceAll(' ', '%20'),
    method: (config.method ?? 'get').toUpperCase(),
    timeoutMs: timeoutMs(config) ?? null,
    maxBodyBytes: byteLimit('maxContentLength', config) ?? null,
    maxRedirects: redirectLimit(config),
    answerAs: answerAs(config),
  };
  // A copy: the app sees what it has set, and not what is made of it.
  const headers = AxiosHeaders.concat(config.headers);
  const body = await encodedBody(config, headers);
  return { ...plainRequest, ...settings, headers: headerFields(headers, config), body };
}

function headerFields(headers: AxiosHeaders, config: InternalAxiosRequestConfig): HeaderField[] {
  const fields: HeaderField[] = [];
  for (const [name, value] of Object.entries(headers.normalize(false).toJSON())) {
    switch (name.toLowerCase()) {
      case 'authorization':
        throw badOption('headers.Authorization', 'the session sets it itself; remove what sets it', config);
      case 'content-length':
        // Native code counts for itself, as browsers do.
        break;
      default:
        for (const one of Array.isArray(value) ? value : [value]) fields.push({ name, value: byteString(one) });
    }
  }
  return fields;
}

/** What of a value can stand in a header: axios, too, leaves out what is no byte, or a control character. */
function byteString(value: unknown): string {
  return String(value).replace(/[^\t\x20-\x7e\x80-\xff]+/g, '').replace(/^[\t ]+|[\t ]+$/g, '');
}
