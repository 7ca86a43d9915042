import type { SessionEvent, SessionEventType } from './events.ts';

/** The events that ask something of the user or the app, and what makes each of them a thing of the past. */
const overtakenBy: Partial<Record<SessionEventType, readonly SessionEventType[]>> = {
  signed_out: ['signed_in'],
  step_up_required: ['signed_in', 'signed_out'],
  sign_in_recommended: ['signed_in', 'signed_out', 'refreshed'],
  persistence_degraded: ['signed_in', 'signed_out', 'persistence_restored'],
};

/**
 * Keeps what happened before anybody listened, for those who listen first: the last event of each type that asks for
 * something, until it is told or overtaken. One that somebody has heard is never told again.
 */
export class Replay {
  readonly #kept = new Map<SessionEventType, SessionEvent>();

  /** Takes notice of an event that was told to so many listeners. */
  note(event: SessionEvent, listeners: number): void {
    for (const type of this.#kept.keys()) {
      if (type === event.type || overtakenBy[type]?.includes(event.type)) this.#kept.delete(type);
    }
    if (listeners === 0 && overtakenBy[event.type] !== undefined) this.#kept.set(event.type, event);
  }

  /** The event of this type that nobody has heard, once. */
  take(type: SessionEventType): SessionEvent | undefined {
    const event = this.#kept.get(type);
    this.#kept.delete(type);
    return event;
  }

  /** Nobody is told of what happened until now. */
  clear(): void {
    this.#kept.clear();
  }
}
