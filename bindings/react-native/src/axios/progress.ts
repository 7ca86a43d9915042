import type { AxiosProgressEvent } from 'axios';
import type { NativeProgress } from '../NativeAuthSession.ts';

/** As often as axios tells how far a body has come: three times a second. */
const intervalMs = 1000 / 3;

/** Over how many reports the rate is measured, and from what time on it means something; as in axios. */
const rateReports = 50;
const rateFromMs = 250;

/** How many bytes of a body there are by now, of how many in all, if that is known. */
type Progress = Pick<NativeProgress, 'bytes' | 'total'>;

/** Tells a listener of axios how far a body has come: not too often, and at the end in any case. */
export interface ProgressReporter {
  readonly report: (progress: Progress) => void;
  /**
   * The whole body has been transferred: as much as was announced, if `bytes` is null. Native code's last report may
   * come after the answer, when nobody listens any more.
   */
  readonly complete: (bytes: number | null, total: number | null) => void;
  /** Tells what has not been told yet, at once. */
  readonly flush: () => void;
}

/** Reports to `listener`, with the fields that axios' events of this direction have. */
export function progressReporter(
  listener: (event: AxiosProgressEvent) => void,
  direction: 'upload' | 'download',
): ProgressReporter {
  const rateNow = rateMeter();
  let toldBytes = 0;
  let newest: Progress = { bytes: 0, total: null };
  let toldAt = -Infinity;
  let waiting: Progress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tell = (progress: Progress): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting = undefined;
    toldAt = Date.now();
    const total = progress.total ?? undefined;
    // A total is of the body as it was announced, and the bytes of a body that was decompressed may exceed it.
    const loaded = total === undefined ? progress.bytes : Math.min(progress.bytes, total);
    // A body that is sent again, as after a 401, begins again at its start.
    const bytes = Math.max(0, loaded - toldBytes);
    toldBytes = Math.max(toldBytes, loaded);
    const rate = rateNow(toldAt, bytes);
    const lengthComputable = total !== undefined;
    const event = {
      loaded,
      total,
      progress: total ? loaded / total : undefined,
      bytes,
      rate,
      estimated: rate && total ? (total - loaded) / rate : undefined,
      event: { loaded, total, lengthComputable },
      lengthComputable,
      [direction]: true,
    };
    try {
      listener(event as AxiosProgressEvent);
    } catch (error) {
      // The request goes on, and the app hears of its defect as of any other in a callback.
      setTimeout(() => {
        throw error;
      });
    }
  };

  const report = (progress: Progress): void => {
    newest = progress;
    const wait = toldAt + intervalMs - Date.now();
    if (wait <= 0) {
      tell(progress);
      return;
    }
    waiting = progress;
    timer ??= setTimeout(() => {
      if (waiting) tell(waiting);
    }, wait);
  };

  return {
    report,
    complete(bytes, total) {
      const all = bytes ?? newest.total ?? 0;
      if (all > newest.bytes) report({ bytes: all, total: total ?? newest.total });
    },
    flush() {
      if (waiting) tell(waiting);
    },
  };
}

/** Bytes a second, over the last reports; undefined as long as there is too little to say. */
function rateMeter(): (now: number, bytes: number) => number | undefined {
  const reports: { at: number; bytes: number }[] = [];
  let startedAt: number | undefined;
  return (now, bytes) => {
    startedAt ??= now;
    reports.push({ at: now, bytes });
    if (reports.length > rateReports) reports.shift();
    const [first] = reports;
    if (first === undefined || now - startedAt < rateFromMs || now <= first.at) return undefined;
    // What the first report brought came before the time that is measured.
    const received = reports.reduce((sum, report) => sum + report.bytes, -first.bytes);
    return Math.round((received * 1000) / (now - first.at)) || undefined;
  };
}
