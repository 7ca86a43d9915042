import type { AbortSignalLike } from '../../src/abort.ts';
import { abortable } from '../../src/abort.ts';
import { exchange } from '../../src/exchange.ts';
import type { ExchangeOptions, NativeRequest, Sender } from '../../src/exchange.ts';
import type { NativeResponse } from '../../src/NativeAuthSession.ts';
import { response } from './fakeModule.ts';

/** A sender without native code: it answers as the test says, and keeps what it was asked to send. */
export interface FakeSender extends Sender {
  readonly requests: NativeRequest[];
  /** The signals of requests that were ended before their answer. */
  readonly cancelled: AbortSignalLike[];
}

type Answer = (request: NativeRequest, options: ExchangeOptions) => Partial<NativeResponse> | Promise<Partial<NativeResponse>>;

export function fakeSender(answer: Answer = () => ({})): FakeSender {
  const requests: NativeRequest[] = [];
  const cancelled: AbortSignalLike[] = [];
  return {
    requests,
    cancelled,
    [exchange](request, options = {}) {
      const { signal } = options;
      const send = async (): Promise<NativeResponse> => {
        requests.push(request);
        return response(await answer(request, options));
      };
      return abortable(signal, send, () => cancelled.push(signal as AbortSignalLike));
    },
  };
}

/** A request that is under way for ever. */
export const never = (): Promise<never> => new Promise(() => {});
