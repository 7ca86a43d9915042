import type { SessionEvent, SessionEvents, SessionEventType } from './events.ts';
import { Replay } from './replay.ts';

type Listener = (event: SessionEvent) => void;

/**
 * Who listens to a session. Each listener is called by itself, later and in order, so that what one throws keeps
 * nothing else from happening.
 */
export class Listeners {
  readonly #byType = new Map<SessionEventType, Set<Listener>>();
  readonly #replay = new Replay();

  add<Type extends SessionEventType>(type: Type, listener: (event: SessionEvents[Type]) => void): () => void {
    // Of its own, so that a function which is added twice is two listeners.
    const own: Listener = (event) => listener(event as SessionEvents[Type]);
    const listeners = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, listeners.add(own));
    // Later, so that those who subscribe together hear it together, and nobody does who has left again by then.
    void Promise.resolve().then(() => {
      if (!listeners.has(own)) return;
      const missed = this.#replay.take(type);
      if (missed !== undefined) for (const each of listeners) this.#call(listeners, each, missed);
    });
    return () => void listeners.delete(own);
  }

  has(type: SessionEventType): boolean {
    return (this.#byType.get(type)?.size ?? 0) > 0;
  }

  tell(event: SessionEvent): void {
    const listeners = this.#byType.get(event.type) ?? new Set();
    this.#replay.note(event, listeners.size);
    for (const listener of listeners) this.#call(listeners, listener, event);
  }

  #call(listeners: Set<Listener>, listener: Listener, event: SessionEvent): void {
    void Promise.resolve().then(() => {
      if (listeners.has(listener)) listener(event);
    });
  }
}
