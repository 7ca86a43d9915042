import type { Sender } from '../exchange.ts';
import { send } from './fetch.ts';
import { invalid } from './invalid.ts';
import { prepareRequest } from './request.ts';
import type { FetchInit, FetchInput } from './request.ts';
import type { SessionResponse } from './response.ts';

/** A request of {@link AuthSession.download}. */
export interface DownloadInit extends FetchInit {
  /** The file, as a `file:` URI. Its folder must exist; a file that is there is replaced. */
  readonly to: string;
}

/** A `download` that sends through the session. It needs no `this`, so it can be passed on by itself. */
export type SessionDownload = (input: FetchInput, init: DownloadInit) => Promise<SessionResponse>;

/** The `download` of a session, or of one of its clients. */
export function downloadOf(sender: Sender): SessionDownload {
  return async (input, init) => {
    const prepared = prepareRequest(input, init);
    return send(sender, prepared, init, { downloadTo: fileURI(init.to) });
  };
}

function fileURI(to: unknown): string {
  if (typeof to === 'string' && /^file:/i.test(to)) return to;
  throw invalid('to must be a file: URI');
}
