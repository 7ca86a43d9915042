import type { SessionEvent, SessionEvents, SessionEventType } from '../events.ts';
import { Replay } from '../replay.ts';

type Listener = (event: SessionEvent) => void;

/**
 * Who listens to a mock. Unlike with the real session, events arrive before whatever caused them returns, so that a test
 * can go on with what they led to. What nobody heard is told as it is there: later, to those who listen first.
 */
export class Listeners {
  readonly #listeners = new Map<SessionEventType, Set<{ readonly listener: Listener }>>();
  readonly #replay = new Replay();

  add<Type extends SessionEventType>(type: Type, listener: (event: SessionEvents[Type]) => void): () => void {
    const entries = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, entries);
    // TypeScript cannot see that `type` decides what `listener` takes. The same function may be added twice.
    const entry = { listener: listener as Listener };
    entries.add(entry);
    void Promise.resolve().then(() => {
      const missed = entries.has(entry) ? this.#replay.take(type) : undefined;
      if (missed !== undefined) this.#tell(missed);
    });
    return () => void entries.delete(entry);
  }

  /** Tells everybody. What a listener throws is an unhandled rejection, as with the real session. */
  emit(event: SessionEvent): void {
    this.#replay.note(event, this.#listeners.get(event.type)?.size ?? 0);
    this.#tell(event);
  }

  /** What nobody has heard until now nobody hears later. */
  forget(): void {
    this.#replay.clear();
  }

  #tell(event: SessionEvent): void {
    const entries = this.#listeners.get(event.type);
    for (const entry of [...(entries ?? [])]) {
      // One that an earlier listener has removed is not told.
      if (!entries?.has(entry)) continue;
      try {
        entry.listener(event);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }
}
