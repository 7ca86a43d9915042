import { AxiosError } from 'axios';
import type { AxiosHeaders, InternalAxiosRequestConfig } from 'axios';
import type { NativeBody } from '../exchange.ts';
import { prepareBody } from '../fetch/body.ts';
import { byteLimit } from './options.ts';
import { base64Bytes, formBytes, textBytes } from './size.ts';

/** What axios says that a body is of which nobody has said anything. */
const assumedType = 'application/x-www-form-urlencoded';

/** What is sent of `config.data`, after `transformRequest`; says in `headers` what it is. */
export async function encodedBody(
  config: InternalAxiosRequestConfig,
  headers: AxiosHeaders,
): Promise<NativeBody | null> {
  const { data } = config;
  if (data === undefined || data === null || data === '') {
    headers.delete('content-type');
    return null;
  }
  if (isStream(data)) {
    const message = 'A stream cannot be sent; send bytes, a Blob, or a file as { uri, type }';
    throw new AxiosError(message, AxiosError.ERR_NOT_SUPPORT, config);
  }
  const { kind, contentType, read } = prepareBody(data);
  if (kind === 'form') {
    // Native code says it, with the boundary that it chooses.
    headers.delete('content-type');
  } else if (typeof data !== 'string' && contentType !== null && isAssumed(headers)) {
    headers.setContentType(contentType);
  }
  const body = await read();
  const limit = byteLimit('maxBodyLength', config);
  if (limit !== undefined && knownBytes(body) > limit) throw bodyTooLarge(config);
  return body;
}

/** The error for a body above `maxBodyLength`. */
export function bodyTooLarge(config: InternalAxiosRequestConfig): AxiosError {
  return new AxiosError('Request body larger than maxBodyLength limit', AxiosError.ERR_BAD_REQUEST, config);
}

function isStream(data: unknown): boolean {
  return typeof data === 'object' && data !== null && ('getReader' in data || 'pipe' in data);
}

function isAssumed(headers: AxiosHeaders): boolean {
  const type = headers.get('content-type');
  return !type || type === assumedType;
}

/** Whether only native code knows how large a body is. */
export function hasFiles(body: NativeBody | null): boolean {
  return body?.kind === 'file' || (body?.kind === 'form' && body.parts.some(({ uri }) => uri !== null));
}

/** How many bytes a body has, without what native code reads from files. */
export function knownBytes(body: NativeBody): number {
  switch (body.kind) {
    case 'text':
      return textBytes(body.text);
    case 'base64':
      return base64Bytes(body.base64);
    case 'file':
      return 0;
    case 'form':
      return formBytes(body.parts);
  }
}
