import type { SessionEvent, SessionEvents, SessionEventType } from '../events.ts';

type Listener = (event: SessionEvent) => void;

/** Who listens to a mock. Unlike with native code under it, events arrive before whatever caused them returns. */
export class Listeners {
  readonly #listeners = new Map<SessionEventType, Set<{ readonly listener: Listener }>>();

  add<Type extends SessionEventType>(type: Type, listener: (event: SessionEvents[Type]) => void): () => void {
    const entries = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, entries);
    // TypeScript cannot see that `type` decides what `listener` takes. The same function may be added twice.
    const entry = { listener: listener as Listener };
    entries.add(entry);
    return () => void entries.delete(entry);
  }

  /** Tells everybody. What a listener throws is an unhandled rejection, as with the real session. */
  emit(event: SessionEvent): void {
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
