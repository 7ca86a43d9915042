import { expect, test } from 'vitest';
import type { SessionEvent } from '../../src/index.ts';
import { Replay } from '../../src/replay.ts';

const signedOut: SessionEvent = { type: 'signed_out', reason: 'rejected' };
const degraded: SessionEvent = { type: 'persistence_degraded' };

test('the last event of a type that nobody has heard is given once', () => {
  const replay = new Replay();
  replay.note({ type: 'signed_out', reason: 'user' }, 0);
  replay.note(signedOut, 0);
  expect(replay.take('signed_out')).toBe(signedOut);
  expect(replay.take('signed_out')).toBeUndefined();
});

test('an event that somebody has heard is not kept, nor is an older one of its type', () => {
  const replay = new Replay();
  replay.note(degraded, 0);
  replay.note(degraded, 1);
  replay.note(signedOut, 1);
  expect(replay.take('persistence_degraded')).toBeUndefined();
  expect(replay.take('signed_out')).toBeUndefined();
});

test('an event that asks for nothing is not kept', () => {
  const replay = new Replay();
  for (const type of ['signed_in', 'refreshed', 'restored'] as const) {
    replay.note({ type }, 0);
    expect(replay.take(type)).toBeUndefined();
  }
});

test.each<[SessionEvent['type'], SessionEvent, SessionEvent, boolean]>([
  ['signed_out', signedOut, { type: 'signed_in' }, true],
  ['signed_out', signedOut, { type: 'refreshed' }, false],
  ['sign_in_recommended', { type: 'sign_in_recommended' }, { type: 'refreshed' }, true],
  ['sign_in_recommended', { type: 'sign_in_recommended' }, degraded, false],
  ['persistence_degraded', degraded, { type: 'persistence_restored' }, true],
  ['persistence_degraded', degraded, { type: 'refreshed' }, false],
  ['persistence_degraded', degraded, signedOut, true],
])('%s: whether %o is a thing of the past after %o: %s', (type, event, later, isPast) => {
  const replay = new Replay();
  replay.note(event, 0);
  // Whether somebody hears what overtakes it does not matter.
  replay.note(later, 1);
  expect(replay.take(type)).toEqual(isPast ? undefined : event);
});
