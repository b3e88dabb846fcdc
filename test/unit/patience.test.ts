import { describe, expect, test } from 'vitest';
import { KeeperTelling } from '../../activities/keeperCall.ts';
import { Outages } from '../../activities/outages.ts';
import { Patience } from '../../activities/patience.ts';
import type { Failed } from '../../domain/attempt.ts';
import type { Told } from '../../domain/keeper.ts';
import { type Fault, lookAfterMsMin, type Resumed } from '../../domain/laneHold.ts';

const minuteMs = 60_000;
const failed = (name: string): Failed => ({ kind: 'transient', name, message: 'x', remedy: 'y' });
const down = failed('ECONNREFUSED');
const request = { destinationId: 'dst_a' };
const resumedBy = (
  by: Resumed['by'],
  from: Partial<Resumed['from']> = {},
): { destinationId: string; resumed: Resumed } => ({
  ...request,
  resumed: { by, from: { kind: 'waiting', error: down, ...from }, holds: 1 },
});

/** A worker's patience by a clock of the test's own, for a destination of version 4. */
function patient() {
  let nowMs = 1_000_000;
  const told: { relapsed: boolean; fault: Fault | undefined }[] = [];
  const outages = new Outages(
    minuteMs,
    () => 1,
    () => nowMs,
  );
  const patience = new Patience({
    // What else there is of a destination is none of its business.
    destinations: { open: async () => ({ version: 4 }) as never },
    outages,
    tellKeeper: async (_, lane) => void told.push(lane),
    waitAfterMs: minuteMs,
  });
  const failing = (name: string, failingMs: number, by?: Resumed['by']) =>
    patience.holdAfter(by ? resumedBy(by) : request, failed(name), { failingMs, version: 4, isSent: false });
  /** The same of records that were sent. */
  const refused = (name: string, failingMs: number, resumed?: ReturnType<typeof resumedBy>) =>
    patience.holdAfter(resumed ?? request, failed(name), { failingMs, version: 4, isSent: true });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { patience, outages, told, failing, refused, pass };
}

describe('a batch that fails in passing', () => {
  test('is tried for a minute, and then its lane waits, once the keeper was told', async () => {
    const { failing, told } = patient();
    expect(await failing('ECONNREFUSED', 59_000)).toBeUndefined();
    expect(told).toEqual([]);
    expect(await failing('ECONNREFUSED', 60_000)).toEqual({ waiting: down, version: 4, lookAfterMs: lookAfterMsMin });
    expect(told).toEqual([{ relapsed: false, fault: undefined }]);
  });

  test('waits after a minute though its error will be the destination’s fault: the probe meets it too, and goes on counting', async () => {
    const { failing, refused } = patient();
    for (const fail of [failing, refused]) {
      expect(await fail('UNKNOWN_TOPIC_OR_PARTITION', 60_000)).toMatchObject({
        waiting: { name: 'UNKNOWN_TOPIC_OR_PARTITION' },
      });
    }
  });

  test('waits at once where another lane has found out already, and until somebody gets through', async () => {
    const { patience, failing, pass } = patient();
    await failing('ECONNREFUSED', 0);
    pass(minuteMs - 1_000);
    await failing('ECONNREFUSED', 0);
    pass(1_000);
    expect(await failing('ECONNREFUSED', 0)).toMatchObject({ waiting: down });
    expect(await patience.holdBefore(request)).toMatchObject({ waiting: down });
    patience.delivered(request.destinationId);
    expect(await patience.holdBefore(request)).toBeUndefined();
    expect(await failing('ECONNREFUSED', 0)).toBeUndefined();
  });

  test('is tried again by one lane now and then, where nobody has tried for ten seconds', async () => {
    const { patience, failing, pass } = patient();
    await failing('ECONNREFUSED', 0);
    pass(30_000);
    await failing('ECONNREFUSED', 0);
    pass(30_000);
    await failing('ECONNREFUSED', 0);
    pass(9_000);
    expect(await patience.holdBefore(request)).toBeDefined();
    pass(2_000);
    expect(await patience.holdBefore(request)).toBeUndefined();
  });

  test('waits after seconds where a hundred tries in a row have failed: thousands of lanes must not each try for a minute', async () => {
    const { failing, pass } = patient();
    for (let n = 0; n < 100; n++) expect(await failing('ECONNREFUSED', 0)).toBeUndefined();
    pass(5_000);
    expect(await failing('ECONNREFUSED', 0)).toMatchObject({ waiting: down });
  });

  test('waits again at once where its lane was only just let go on, which the keeper is told', async () => {
    const { failing, told, patience } = patient();
    expect(await failing('NOT_ENOUGH_REPLICAS', 0, 'keeper')).toMatchObject({
      waiting: { name: 'NOT_ENOUGH_REPLICAS' },
    });
    expect(await failing('NOT_ENOUGH_REPLICAS', 0, 'person')).toBeDefined();
    expect(told.map(({ relapsed }) => relapsed)).toEqual([true, false]);
    expect(await patience.holdBefore(resumedBy('keeper'))).toBeUndefined();
  });

  test('says nothing of the destination where only its own time was over', async () => {
    const { failing } = patient();
    expect(await failing('NOT_SENT_IN_TIME', 10 * minuteMs, 'keeper')).toBeUndefined();
  });
});

describe.each(['KAFKA_ERROR_999', 'UNKNOWN_SERVER_ERROR', 'CORRUPT_MESSAGE'])('%s, which no probe meets', (name) => {
  test('is tried on until the tries have told what it is, by a lane that was only just let go on, too', async () => {
    const { refused, told } = patient();
    for (const by of [undefined, 'keeper', 'person', 'timer'] as const) {
      expect(await refused(name, 66_000, by && resumedBy(by))).toBeUndefined();
    }
    expect(told).toEqual([]);
  });

  test('is no outage: four lanes that meet it eight seconds apart have all their tries, and so has the next one', async () => {
    const { refused, patience, pass } = patient();
    for (let second = 0; second < 96; second += 8, pass(8_000)) {
      for (const lane of [0, 1, 2, 3]) {
        const failingMs = (second - lane * 8) * 1_000;
        if (failingMs >= 0 && failingMs < 70_000) expect(await refused(name, failingMs)).toBeUndefined();
      }
    }
    expect(await patience.holdBefore(request)).toBeUndefined();
  });

  test('is tried while other lanes wait for an outage, which those that can not get there at all do as well', async () => {
    const { refused, failing, pass } = patient();
    await failing('ECONNREFUSED', 0);
    pass(minuteMs - 1_000);
    await failing('ECONNREFUSED', 0);
    pass(1_000);
    expect(await failing('ECONNREFUSED', 0)).toMatchObject({ waiting: down });
    expect(await refused(name, 0)).toBeUndefined();
    expect(await failing(name, 0)).toMatchObject({ waiting: { name } });
  });

  test('suspends a lane again at once that was resumed from it, unless the destination is another by now', async () => {
    const { refused, told } = patient();
    const from = (error: Failed, version: number) => resumedBy('keeper', { kind: 'suspended', error, version });
    const again = { suspended: { ...failed(name), kind: 'destinationAtFault' }, version: 4 };
    expect(await refused(name, 0, from(failed(name), 4))).toMatchObject(again);
    expect(told).toEqual([{ relapsed: true, fault: { name, version: 4 } }]);
    expect(await refused(name, 0, from(failed(name), 3))).toBeUndefined();
    expect(await refused(name, 0, from(failed('KAFKA_ERROR_998'), 4))).toBeUndefined();
  });
});

test('a suspended lane that looks by itself tries nothing unless the destination was changed', async () => {
  const { patience, told } = patient();
  const error = failed('TOPIC_AUTHORIZATION_FAILED');
  const looks = (version: number | undefined) =>
    patience.holdBefore(resumedBy('timer', { kind: 'suspended', error, version }));
  expect(await looks(4)).toMatchObject({ suspended: error, version: 4 });
  expect(told).toEqual([{ relapsed: false, fault: { name: 'TOPIC_AUTHORIZATION_FAILED', version: 4 } }]);
  expect(await looks(3)).toBeUndefined();
  expect(await looks(undefined)).toBeUndefined();
});

test('lanes that hold for one destination look by themselves one after the other', () => {
  const outages = new Outages(minuteMs, () => 1);
  const looks = Array.from({ length: 10_000 }, () => outages.lookAfterMs('dst_a'));
  expect(new Set(looks).size).toBe(10_000);
  expect(Math.max(...looks) - Math.min(...looks)).toBeGreaterThan(4 * 3_600_000);
});

test('however many workers there are, lanes that hold look no oftener in all', () => {
  const workers = 5;
  const looks = Array.from({ length: workers }, () => {
    const outages = new Outages(minuteMs, () => workers);
    return Array.from({ length: 2_000 }, () => outages.lookAfterMs('dst_a'));
  }).flat();
  const inMinute = new Map<number, number>();
  for (const ms of looks) inMinute.set(Math.floor(ms / minuteMs), (inMinute.get(Math.floor(ms / minuteMs)) ?? 0) + 1);
  expect(looks).toHaveLength(10_000);
  expect(Math.max(...inMinute.values())).toBeLessThanOrEqual(30 + workers); // One every two seconds.
});

describe('a worker tells a keeper', () => {
  const telling = (send: (told: Told) => Promise<void> = async () => undefined) => {
    const sent: Told[] = [];
    return {
      sent,
      telling: new KeeperTelling(async (_, told) => {
        await send(told);
        sent.push(structuredClone(told));
      }),
    };
  };

  test('of ten thousand lanes that hold in one signal, and of each fault once', async () => {
    const { sent, telling: keeper } = telling();
    const fault = { name: 'TOPIC_AUTHORIZATION_FAILED', version: 4 };
    const lanes = Array.from({ length: 10_000 }, (_, n) =>
      keeper.held('dst_a', { relapsed: false, fault: n % 2 === 0 ? fault : undefined }),
    );
    await Promise.all(lanes);
    await keeper.held('dst_a', { relapsed: false, fault });
    await keeper.held('dst_a', { relapsed: false, fault: undefined });
    expect(sent).toEqual([{ relapsed: 0, faults: [fault] }]);
  });

  test('how many lanes came back that it had let go on', async () => {
    const { sent, telling: keeper } = telling();
    const lane = { relapsed: true, fault: undefined };
    await keeper.held('dst_a', { relapsed: false, fault: undefined });
    await Promise.all(Array.from({ length: 7 }, () => keeper.held('dst_a', lane)));
    expect(sent).toEqual([
      { relapsed: 0, faults: [] },
      { relapsed: 7, faults: [] },
    ]);
  });

  test('again where Temporal did not take it, and no lane holds before', async () => {
    let isDown = true;
    const { sent, telling: keeper } = telling(async () => {
      if (isDown) throw new Error('Temporal is away');
    });
    const lane = { relapsed: false, fault: undefined };
    await expect(keeper.held('dst_a', lane)).rejects.toThrow('away');
    isDown = false;
    await keeper.held('dst_a', lane);
    expect(sent).toHaveLength(1);
  });
});
