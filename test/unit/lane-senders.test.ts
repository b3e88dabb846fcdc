import { describe, expect, test } from 'vitest';
import { LaneSenders } from '../../api/laneSenders.ts';

const [a, b] = [{}, {}];

describe('the senders of a lane all wait', () => {
  test('once each that sent in the last second has an event without an answer', () => {
    const senders = new LaneSenders();
    senders.sent(a, 0);
    senders.sent(b, 0);
    senders.answered(a);
    expect(senders.allWait(900)).toBe(false);
    senders.sent(a, 900);
    expect(senders.allWait(900)).toBe(true);
  });

  test('though another stopped sending over a second ago', () => {
    const senders = new LaneSenders();
    senders.sent(a, 0);
    senders.answered(a);
    senders.sent(b, 1_000);
    expect(senders.allWait(1_000)).toBe(false);
    expect(senders.allWait(1_001)).toBe(true);
  });

  test('until the last of the events that one sent is answered', () => {
    const senders = new LaneSenders();
    senders.sent(a, 0);
    senders.sent(a, 0);
    senders.answered(a);
    expect(senders.allWait(0)).toBe(true);
    senders.answered(a);
    expect(senders.allWait(0)).toBe(false);
  });

  test('however long they wait for it', () => {
    const senders = new LaneSenders();
    senders.sent(a, 0);
    expect(senders.allWait(60_000)).toBe(true);
  });

  test('but not where nobody sent anything', () => {
    expect(new LaneSenders().allWait(0)).toBe(false);
  });
});
