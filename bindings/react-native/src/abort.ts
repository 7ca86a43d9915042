/** What is needed of an `AbortSignal`, so that any implementation of it will do. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * Settles as `work` does, or rejects with the reason of `signal` as soon as that is aborted, and then calls
 * `cancel`.
 */
export function abortable<T>(
  signal: AbortSignalLike | null | undefined,
  work: () => Promise<T>,
  cancel: () => void,
): Promise<T> {
  if (!signal) return work();
  if (signal.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(abortReason(signal));
      cancel();
    };
    signal.addEventListener('abort', onAbort);
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What a request rejects with whose signal is aborted. */
export function abortReason(signal: AbortSignalLike): unknown {
  if (signal.reason !== undefined) return signal.reason;
  // Older signals know no reason, and Hermes knows no DOMException.
  const error = new Error('the request was aborted');
  error.name = 'AbortError';
  return error;
}
