import { describe, expect, test, vi } from 'vitest';
import { LaneGauge, type LaneSize } from '../../api/laneGauge.ts';

const MiB = 1024 * 1024;
const lane = 'delivery:dst:a';
const size = (overrides: Partial<LaneSize> = {}): LaneSize => ({
  historyEvents: 10,
  historyBytes: 1_000,
  unreadForMs: 0,
  isTaken: false,
  ...overrides,
});

/** What was stored, as the history has it and as values; they are the same where a test does not care. */
const stored = (bytes: number, runId?: string) => ({ bytes, valueBytes: bytes, ...(runId !== undefined && { runId }) });

function throws(work: () => void): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

/** The gauge and its clock; where Temporal stands, the test says how large the lane is. */
function gaugeOf(measure: () => Promise<LaneSize>, random = 0.5) {
  let nowMs = 0;
  const measured = vi.fn(measure);
  const gauge = new LaneGauge(measured, { now: () => nowMs, random: () => random });
  /** Time passes, and what was asked is answered. */
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { gauge, measured, pass };
}

describe('a lane that was found full', () => {
  const full = size({ historyEvents: 9_000 });

  test('takes no event for as long as it is full, though nobody could write to it for an hour', async () => {
    const { gauge, pass } = gaugeOf(async () => full);
    gauge.stored(lane, stored(MiB));
    for (let minute = 0; minute < 60; minute++) {
      await pass(60_000);
      gauge.sweep();
      expect(() => gauge.check(lane)).toThrow('lane_full');
    }
  });

  test('is forgotten once it is empty, without a POST that asks for it', async () => {
    let now = full;
    const { gauge, measured, pass } = gaugeOf(async () => now);
    gauge.stored(lane, stored(MiB));
    await pass(0);
    now = size();
    for (let minute = 0; minute < 4; minute++) {
      await pass(61_000);
      gauge.sweep();
    }
    expect(measured).toHaveBeenCalledTimes(2);
    expect(() => gauge.check(lane)).not.toThrow();
  });

  test('stays full while Temporal does not answer, and takes events once it says otherwise', async () => {
    const answers = [async () => full, () => Promise.reject(new Error('away')), async () => size()];
    const { gauge, pass } = gaugeOf(() => (answers.shift() ?? (async () => size()))());
    gauge.stored(lane, stored(MiB));
    await pass(0);
    for (let refusals = 0; refusals < 2; refusals++) {
      await pass(500);
      expect(() => gauge.check(lane)).toThrow('lane_full'); // And looks again.
      await pass(0);
    }
    expect(() => gauge.check(lane)).not.toThrow();
  });
});

describe('a lane is looked at', () => {
  test('within 1 MiB or 50 signals of its first event in this process, then after 1 MiB or 200 signals', async () => {
    const { gauge, measured, pass } = gaugeOf(async () => size(), 0.999);
    gauge.stored(lane, stored(MiB));
    await pass(0);
    expect(measured).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 3; n++) gauge.stored(lane, stored(MiB / 4));
    expect(measured).toHaveBeenCalledTimes(1);
    gauge.stored(lane, stored(MiB / 4));
    expect(measured).toHaveBeenCalledTimes(2);
    for (let n = 0; n < 50; n++) gauge.stored('delivery:dst:b', stored(2));
    expect(measured).toHaveBeenCalledTimes(3);
  });

  test('though it is forgotten after each of its blocks', async () => {
    let seed = 1;
    const measured = vi.fn(async () => size());
    let nowMs = 0;
    // A generator of our own: the test is the same each time.
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const gauge = new LaneGauge(measured, { now: () => nowMs, random });
    for (let block = 0; block < 100; block++) {
      gauge.stored(lane, stored(400_000));
      nowMs += 61_000;
      await new Promise((resolve) => setImmediate(resolve));
      gauge.sweep();
    }
    expect(measured.mock.calls.length).toBeGreaterThanOrEqual(30); // Every MB on the average, or more often.
  });
});

describe('a lane is full', () => {
  test.each([
    ['long history', { historyEvents: 8_001 }],
    ['large history', { historyBytes: 5 * MiB + 1 }],
    ['large history that no worker looks at', { historyBytes: 3 * MiB + 1, unreadForMs: 2_001 }],
    ['long history that no worker looks at', { historyEvents: 601, unreadForMs: 2_001 }],
  ])('with a %s', async (_, overrides) => {
    const { gauge, pass } = gaugeOf(async () => size(overrides));
    gauge.stored(lane, stored(MiB));
    expect(() => gauge.check(lane)).not.toThrow();
    await pass(0);
    expect(() => gauge.check(lane)).toThrow('lane_full');
  });

  test('by what no worker has looked at, and not by what one had taken in before', async () => {
    const sizes = [{ historyEvents: 1_250 }, { historyEvents: 1_250 + 600 }, { historyEvents: 1_250 + 601 }];
    const looks = sizes.map((one, n) => size({ ...one, unreadForMs: n === 0 ? 250 : 2_001 }));
    const { gauge, pass } = gaugeOf(async () => looks.shift() ?? size());
    for (let n = 0; n < 2; n++) {
      gauge.stored(lane, stored(MiB, 'run'));
      await pass(0);
      expect(() => gauge.check(lane)).not.toThrow();
    }
    gauge.stored(lane, stored(MiB, 'run'));
    await pass(0);
    expect(() => gauge.check(lane)).toThrow('lane_full');
  });

  test('but not with a backlog, however large, as long as its worker keeps its run short', async () => {
    const { gauge, pass } = gaugeOf(async () => size({ historyBytes: 4 * MiB, unreadForMs: 500 }));
    for (let n = 0; n < 1_000; n++) {
      expect(() => gauge.check(lane)).not.toThrow();
      gauge.stored(lane, stored(MiB));
      await pass(10);
    }
  });

  test('once its run may have 8 MiB, by the last look and what was stored since', async () => {
    const sizes = [size({ historyBytes: 2 * MiB })];
    const { gauge, pass } = gaugeOf(() => {
      const known = sizes.shift();
      return known ? Promise.resolve(known) : new Promise(() => undefined);
    });
    gauge.stored(lane, stored(MiB));
    await pass(0);
    gauge.stored(lane, stored(6 * MiB - 1));
    expect(() => gauge.check(lane)).not.toThrow();
    gauge.stored(lane, stored(1));
    expect(() => gauge.check(lane)).toThrow('lane_full');
  });

  test('with more on its way than a look can be waited for', async () => {
    const { gauge } = gaugeOf(() => new Promise(() => undefined));
    gauge.stored(lane, stored(3 * MiB));
    expect(() => gauge.check(lane)).toThrow('lane_full');
  });
});

describe('a run that may have grown long', () => {
  const long = { historyBytes: 2 * MiB, isRenewing: true };

  test('by the bytes stored in it, which a batch stores once more, is asked for its word, until another run follows', async () => {
    const { gauge, measured, pass } = gaugeOf(async () => size({ runId: 'first', ...long }), 0.99);
    gauge.stored(lane, stored(MiB - 20_000, 'first'));
    expect(measured).not.toHaveBeenCalled();
    gauge.stored(lane, stored(20_000, 'first'));
    expect(measured).toHaveBeenCalledTimes(1);
    expect(gauge.longRun(lane)).toBeUndefined();
    await pass(0);
    expect(gauge.longRun(lane)).toBe('first');
    gauge.stored(lane, stored(20, 'second'));
    expect(gauge.longRun(lane)).toBeUndefined();
  });

  test('by the signals stored in it is asked, too', async () => {
    let isRenewing = false;
    const { gauge, measured, pass } = gaugeOf(async () => size({ runId: 'first', historyEvents: 10, isRenewing }));
    for (let n = 0; n < 25; n++) gauge.stored(lane, stored(1, 'first'));
    await pass(0);
    await pass(500);
    expect([measured.mock.calls.length, gauge.longRun(lane)]).toEqual([1, undefined]);
    isRenewing = true;
    for (let n = 0; n < 70; n++) gauge.stored(lane, stored(1, 'first'));
    await pass(0);
    expect([measured.mock.calls.length, gauge.longRun(lane)]).toEqual([2, 'first']);
  });

  test('and says that it is not is asked again after half a second', async () => {
    const { gauge, measured, pass } = gaugeOf(async () => size({ runId: 'first', historyBytes: 1.99 * MiB }));
    gauge.stored(lane, stored(MiB, 'first'));
    await pass(0);
    await pass(499);
    gauge.stored(lane, stored(10_000, 'first'));
    await pass(1);
    expect([measured.mock.calls.length, gauge.longRun(lane)]).toEqual([1, undefined]);
    gauge.stored(lane, stored(10_000, 'first'));
    expect(measured).toHaveBeenCalledTimes(2);
  });
});

test('a look that was overtaken by another run says nothing about that one', async () => {
  const { gauge, pass } = gaugeOf(async () => size({ runId: 'first', historyEvents: 9_000, isRenewing: true }));
  gauge.stored(lane, stored(MiB, 'first'));
  gauge.stored(lane, stored(20, 'second'));
  await pass(0);
  expect(gauge.longRun(lane)).toBeUndefined();
  expect(() => gauge.check(lane)).not.toThrow();
});

describe('a lane that has not caught up', () => {
  const behind = { waitingEvents: 2_560, waitingBytes: 2.5 * MiB, deliveredEvents: 0, isDelivering: true };
  const caughtUp = { ...behind, waitingEvents: 0, waitingBytes: 0 };

  test('gets its next block later, and is looked at again half a second after', async () => {
    const answers = [size({ backlog: behind }), size({ backlog: caughtUp })];
    const { gauge, measured, pass } = gaugeOf(async () => answers.shift() ?? size());
    expect(gauge.backlogMs(lane, 0)).toBe(0);
    gauge.stored(lane, stored(MiB));
    await pass(0);
    expect([gauge.backlogMs(lane, 0), gauge.backlogMs(lane, MiB)]).toEqual([200, 400]);
    await pass(499);
    gauge.stored(lane, { bytes: 1, valueBytes: 2.5 * MiB });
    await pass(1);
    expect(measured).toHaveBeenCalledTimes(1);
    gauge.stored(lane, stored(1));
    await pass(0);
    expect(measured).toHaveBeenCalledTimes(2);
    expect(gauge.backlogMs(lane, MiB)).toBe(0);
  });

  test('may be too busy to say so, and gets its next block latest', async () => {
    const { gauge, pass } = gaugeOf(async () => size());
    gauge.stored(lane, stored(MiB));
    await pass(0);
    expect(gauge.backlogMs(lane, 0)).toBe(500);
  });
});

describe('a lane that does not answer for ten seconds', () => {
  const answering = { waitingEvents: 1, waitingBytes: 1, deliveredEvents: 0, isDelivering: true };

  /** Looks a second apart, and whether the lane takes events after each. */
  async function takesAfter(looks: Partial<LaneSize>[]): Promise<boolean[]> {
    const sizes = [...looks];
    const { gauge, pass } = gaugeOf(async () => size(sizes.shift()));
    const takes: boolean[] = [];
    for (let n = 0; n < looks.length; n++) {
      gauge.stored(lane, stored(MiB));
      if (takes.at(-1) === false) expect(() => gauge.check(lane)).toThrow('lane_full'); // And looks again.
      await pass(0);
      await pass(1_000);
      takes.push(!throws(() => gauge.check(lane)));
    }
    return takes;
  }

  test('though a worker takes its task again and again is given peace until it does', async () => {
    const taken = { isTaken: true };
    const looks = [...Array.from({ length: 5 }, () => [taken, {}]).flat(), taken, {}, { backlog: answering }, {}];
    expect((await takesAfter(looks)).slice(9)).toEqual([true, false, false, true, true]);
  });

  test('and has no worker is fed until it is full', async () => {
    expect(await takesAfter(Array.from({ length: 20 }, () => ({})))).not.toContain(false);
  });
});
