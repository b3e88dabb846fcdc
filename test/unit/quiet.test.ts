import { beforeEach, describe, expect, test } from 'vitest';
import { Quiet } from '../../domain/quiet.ts';

const startMs = 1_000_000;

describe('a lane whose run has grown long', () => {
  let quiet = new Quiet();
  beforeEach(() => {
    quiet = new Quiet();
    quiet.heard(0, 10, startMs);
    quiet.isWanted(startMs);
  });

  test('continues in the workflow task that brought a long promise, or once its batch is through while it still holds', () => {
    quiet.heard(250, 20, startMs + 100);
    expect(quiet.isNow(20, startMs + 100)).toBe(true);
    expect(quiet.isNow(24, startMs + 199)).toBe(true);
    expect(quiet.isNow(24, startMs + 200)).toBe(false); // The next signal may come while it continues.
  });

  test('does not rely on a promise that a later block has ended', () => {
    quiet.heard(250, 20, startMs + 100);
    quiet.heard(0, 22, startMs + 120);
    expect(quiet.isNow(22, startMs + 120)).toBe(false);
  });

  test('sends on for a while before a short promise will do, and that only in its own workflow task', () => {
    quiet.heard(50, 20, startMs + 1_000);
    expect(quiet.maySendOn(startMs + 1_000)).toBe(true);
    expect(quiet.isNow(20, startMs + 1_000)).toBe(false);
    quiet.heard(50, 30, startMs + 1_600);
    expect(quiet.maySendOn(startMs + 1_600)).toBe(false);
    expect(quiet.isNow(30, startMs + 1_600)).toBe(true);
    expect(quiet.isNow(31, startMs + 1_601)).toBe(false);
  });

  test('continues without a promise after three seconds, or once nobody has sent for a second and a half', () => {
    quiet.heard(0, 20, startMs + 2_900);
    expect(quiet.isNow(21, startMs + 2_999)).toBe(false);
    expect(quiet.isNow(21, startMs + 3_000)).toBe(true);
    const silent = new Quiet();
    silent.heard(0, 10, startMs);
    silent.isWanted(startMs + 100);
    expect(silent.isNow(11, startMs + 1_499)).toBe(false);
    expect(silent.isNow(11, startMs + 1_500)).toBe(true);
  });

  test('looks again when the next of these may be true', () => {
    expect(quiet.nextLookMs(startMs + 500)).toBe(1_000);
    expect(quiet.nextLookMs(startMs + 2_000)).toBe(1_000);
    expect(quiet.nextLookMs(startMs + 9_000)).toBe(1);
  });
});
