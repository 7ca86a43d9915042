import axios from 'axios';
import type { AxiosProgressEvent } from 'axios';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { authSessionAdapter } from '../../../src/axios/index.ts';
import { progressReporter } from '../../../src/axios/progress.ts';
import type { NativeProgress } from '../../../src/NativeAuthSession.ts';
import { fakeSender } from '../../support/fakeSender.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const at = (bytes: number, total: number | null = null): NativeProgress =>
  ({ requestId: '1', direction: 'upload', bytes, total });

test('an event says how far the body has come, how fast, and how long it will take', () => {
  const events: AxiosProgressEvent[] = [];
  const reporter = progressReporter((event) => events.push(event), 'download');
  reporter.report(at(100, 1000));
  vi.advanceTimersByTime(500);
  reporter.report(at(300, 1000));
  expect(events).toEqual([
    {
      loaded: 100,
      total: 1000,
      progress: 0.1,
      bytes: 100,
      rate: undefined,
      estimated: undefined,
      event: { loaded: 100, total: 1000, lengthComputable: true },
      lengthComputable: true,
      download: true,
    },
    {
      loaded: 300,
      total: 1000,
      progress: 0.3,
      bytes: 200,
      rate: 400,
      estimated: 1.75,
      event: { loaded: 300, total: 1000, lengthComputable: true },
      lengthComputable: true,
      download: true,
    },
  ]);
});

test('a body of unknown length has neither a total nor a share of it', () => {
  const events: AxiosProgressEvent[] = [];
  progressReporter((event) => events.push(event), 'upload').report(at(5));
  expect(events).toMatchObject([
    { loaded: 5, total: undefined, progress: undefined, lengthComputable: false, upload: true },
  ]);
});

test('the listener is called three times a second at most, with the newest, and at the end with the last', () => {
  const loaded: number[] = [];
  const reporter = progressReporter((event) => loaded.push(event.loaded), 'upload');
  for (let bytes = 1; bytes <= 50; bytes += 1) {
    reporter.report(at(bytes));
    vi.advanceTimersByTime(10);
  }
  expect(loaded).toEqual([1, 34]);
  reporter.flush();
  reporter.flush();
  vi.advanceTimersByTime(1000);
  expect(loaded).toEqual([1, 34, 50]);
});

test('a body that is sent again, as after a refresh, is not counted twice', () => {
  const bytes: number[] = [];
  const reporter = progressReporter((event) => bytes.push(event.bytes), 'upload');
  for (const sent of [80, 20, 100]) {
    reporter.report(at(sent, 100));
    vi.advanceTimersByTime(400);
  }
  expect(bytes).toEqual([80, 0, 20]);
});

test('bytes that exceed the announced length, as those of a decompressed body, are not more than all', () => {
  const events: AxiosProgressEvent[] = [];
  progressReporter((event) => events.push(event), 'download').report(at(500, 100));
  expect(events).toMatchObject([{ loaded: 100, progress: 1 }]);
});

test('both directions of a request are told apart, and the last of each comes before the answer', async () => {
  const told: string[] = [];
  const sender = fakeSender((_, { onUpload, onDownload }) => {
    for (const bytes of [1, 2]) onUpload?.(at(bytes, 2));
    for (const bytes of [1, 3]) onDownload?.(at(bytes, 3));
    return {};
  });
  const request = axios.create({ adapter: authSessionAdapter(sender) }).post('/me', 'x', {
    onUploadProgress: ({ loaded, upload }) => told.push(`upload ${loaded} ${upload}`),
    onDownloadProgress: ({ loaded, download }) => told.push(`download ${loaded} ${download}`),
  });
  await request.then(() => told.push('answer'));
  expect(told).toEqual(['upload 1 true', 'download 1 true', 'upload 2 true', 'download 3 true', 'answer']);
  expect(vi.getTimerCount()).toBe(0);
});

test('the whole body of an answer is told even where the last report of native code came too late', async () => {
  const told: unknown[] = [];
  const sender = fakeSender((_, { onDownload }) => {
    onDownload?.(at(3, 6));
    return { text: 'Zoëxx', headers: [{ name: 'Content-Length', value: '6' }] };
  });
  await axios.create({ adapter: authSessionAdapter(sender) }).get('/me', {
    onDownloadProgress: ({ loaded, total }) => told.push([loaded, total]),
  });
  expect(told).toEqual([[3, 6], [6, 6]]);
});

test.each([
  ['text', 'Zoëxx', {}, 6, 6],
  ['a file', { uri: 'file:///a' }, { transformRequest: (data: unknown) => data }, 6, 6],
])('the whole of %s is told as sent where the server has answered with success', async (_, data, config, bytes, total) => {
  const told: unknown[] = [];
  const onUploadProgress = (event: AxiosProgressEvent) => told.push([event.loaded, event.total]);
  const answering = (status: number) => fakeSender((_, { onUpload }) => {
    onUpload?.(at(3, 6));
    return { status };
  });
  await axios.create({ adapter: authSessionAdapter(answering(201)) }).put('/me', data, { ...config, onUploadProgress });
  expect(told.splice(0)).toEqual([[3, 6], [bytes, total]]);
  const refused = axios.create({ adapter: authSessionAdapter(answering(413)) });
  await expect(refused.put('/me', data, { ...config, onUploadProgress })).rejects.toThrow('413');
  expect(told).toEqual([[3, 6]]);
});

test('native code reports nothing that nobody listens to', async () => {
  const sender = fakeSender((_, { onUpload, onDownload }) => {
    expect([onUpload, onDownload]).toEqual([undefined, undefined]);
    return {};
  });
  await axios.create({ adapter: authSessionAdapter(sender) }).post('/me', 'x');
  expect(sender.requests).toHaveLength(1);
});

test('a listener that throws does not fail the request, and its error is not lost', async () => {
  const sender = fakeSender((_, { onUpload }) => {
    onUpload?.(at(1));
    return {};
  });
  const onUploadProgress = () => {
    throw new Error('of the app');
  };
  const answer = await axios.create({ adapter: authSessionAdapter(sender) }).post('/me', 'x', { onUploadProgress });
  expect(answer.status).toBe(200);
  expect(() => vi.runAllTimers()).toThrow('of the app');
});
