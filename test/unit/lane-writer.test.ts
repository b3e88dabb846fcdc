import { afterEach, describe, expect, test, vi } from 'vitest';
import { type LaneTarget, LaneWriter, type RunEnd } from '../../api/laneWriter.ts';
import { type Block, blockBytesMax, blockEventsMax, type Delivery, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { until } from '../harness/until.ts';

const target = (lane: string, lingerMs = 0): LaneTarget => ({
  workflowId: `delivery:dst:${lane}`,
  lingerMs,
  start: { destinationId: 'dst', customerExternalId: 'c', lane, limits: defaultLaneLimits },
});
const delivery = (n: number, bytes = 2) => ({
  id: String(n).padStart(22, '0'),
  key: 'k',
  value: new TextEncoder().encode(`"${'x'.repeat(Math.max(bytes - 2, 0))}"`),
});
/** An event for one destination. */
async function submit(writer: LaneWriter, to: LaneTarget, one: Delivery): Promise<{ runId: string } | undefined> {
  const [receipt] = await Promise.all(writer.submit([{ target: to, delivery: one }]));
  return receipt;
}
const numbers = (blocks: readonly Block[]): number[] => blocks.flatMap(deliveriesOf).map(({ id }) => Number(id));

/** Stands where Temporal does, and lets the test say when and how each signal ends. */
function recorder(end: () => Promise<void> = async () => undefined) {
  const sent = new Map<string, Block[]>();
  let inFlight = 0;
  const most = { all: 0 };
  const sendBlock = async ({ workflowId }: LaneTarget, block: Block) => {
    sent.set(workflowId, [...(sent.get(workflowId) ?? []), block]);
    most.all = Math.max(most.all, ++inFlight);
    try {
      await end();
      return { runId: 'run', bytes: 1 };
    } finally {
      inFlight--;
    }
  };
  return { sent, most, sendBlock };
}
function openGate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time is the test's until it ends: on the machine's, some other work of its comes between what is done and noted. */
function ownTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] });
  vi.setTimerTickMode('nextTimerAsync');
}
const gapsOf = (atMs: readonly number[]): number[] => atMs.slice(1).map((ms, i) => ms - (atMs[i] ?? 0));

describe('the lane writer', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('sends an idle lane its event at once, and what arrives meanwhile as one block', async () => {
    const gate = openGate();
    const temporal = recorder(() => gate.promise);
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 1e6 });
    const first = submit(writer, target('a'), delivery(0));
    await soon();
    await soon();
    const rest = [1, 2, 3].map((n) => submit(writer, target('a'), delivery(n)));
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(temporal.sent.get('delivery:dst:a')?.map((block) => block.entries.length)).toEqual([1, 3]);
  });

  test('closes a block at 800 events or 460 KiB, and sends a larger event alone', async () => {
    const temporal = recorder();
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 1e8 });
    const sizes = [...Array(blockEventsMax + 1).fill(2), blockBytesMax + 5, 2, blockBytesMax - 2, 2];
    await Promise.all(sizes.map((bytes, n) => submit(writer, target('a'), delivery(n, bytes))));
    expect(temporal.sent.get('delivery:dst:a')?.map((block) => block.entries.length)).toEqual([800, 1, 1, 2, 1]);
  });

  test('refuses what does not fit into its memory, and takes more once that has been stored', async () => {
    const gate = openGate();
    const writer = new LaneWriter({ ...recorder(() => gate.promise), waitingBytesMax: 100 });
    const kept = submit(writer, target('a'), delivery(0, 80));
    await expect(submit(writer, target('b'), delivery(1, 80))).rejects.toMatchObject({ code: 'overloaded' });
    gate.resolve();
    await kept;
    await writer.drained();
    await expect(submit(writer, target('b'), delivery(2, 80))).resolves.toEqual({ runId: 'run' });
  });

  test('refuses a lane that has an eighth of the memory waiting, and takes events of others', async () => {
    const gate = openGate();
    const temporal = recorder(() => gate.promise);
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 16 * blockBytesMax });
    const half = blockBytesMax / 2;
    const first = submit(writer, target('a'), delivery(0, half));
    await until(
      'the signal to be on its way',
      () => temporal.most.all,
      (count) => count === 1,
    );
    const kept = [1, 2, 3, 4].map((n) => submit(writer, target('a'), delivery(n, half)));
    await expect(submit(writer, target('a'), delivery(5))).rejects.toMatchObject({ code: 'lane_full' });
    const event = ['b', 'a'].map((lane) => ({ target: target(lane), delivery: delivery(6, half) }));
    expect(() => writer.submit(event)).toThrow('lane_full');
    const other = submit(writer, target('b'), delivery(7, half));
    gate.resolve();
    await Promise.all([first, ...kept, other]);
    await submit(writer, target('a'), delivery(8));
    expect([...temporal.sent].map(([lane, blocks]) => [lane, numbers(blocks)])).toEqual([
      ['delivery:dst:a', [0, 1, 2, 3, 4, 8]],
      ['delivery:dst:b', [7]],
    ]);
  });

  test('refuses events of yet more lanes while too many wait for their turn, and takes those of lanes that wait already', async () => {
    const gate = openGate();
    const writer = new LaneWriter({
      ...recorder(() => gate.promise),
      waitingBytesMax: 1e6,
      signalsInFlightMax: 1,
      readyLanesMax: 2,
    });
    const kept = ['a', 'b', 'c'].map((lane, n) => submit(writer, target(lane), delivery(n)));
    await soon();
    await soon();
    expect(() => writer.submit([{ target: target('d'), delivery: delivery(3) }])).toThrow('overloaded');
    kept.push(submit(writer, target('b'), delivery(4)));
    gate.resolve();
    await Promise.all(kept);
    await expect(submit(writer, target('d'), delivery(3))).resolves.toEqual({ runId: 'run' });
  });

  test('takes an event for all of its destinations or for none, and a large one once nothing else waits', async () => {
    const gate = openGate();
    const temporal = recorder(() => gate.promise);
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 100 });
    const event = ['a', 'b', 'c'].map((lane) => ({ target: target(lane), delivery: delivery(1, 80) }));
    const kept = submit(writer, target('a'), delivery(0, 80));
    expect(() => writer.submit(event)).toThrow('overloaded');
    gate.resolve();
    await kept;
    await writer.drained();
    await Promise.all(writer.submit(event));
    expect([...temporal.sent].map(([lane, blocks]) => [lane, numbers(blocks)])).toEqual([
      ['delivery:dst:a', [0, 1]],
      ['delivery:dst:b', [1]],
      ['delivery:dst:c', [1]],
    ]);
  });

  test('tells every event of a block that its signal failed, and goes on with the next block', async () => {
    let fails = true;
    const writer = new LaneWriter({
      ...recorder(async () => {
        if (fails) throw new Error('Temporal is away');
      }),
      waitingBytesMax: 1e6,
    });
    const answers = await Promise.allSettled([0, 1].map((n) => submit(writer, target('a'), delivery(n))));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await expect(submit(writer, target('a'), delivery(2))).resolves.toEqual({ runId: 'run' });
  });

  test('has no more than so many signals in flight over all lanes', async () => {
    const temporal = recorder(soon);
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 1e6, signalsInFlightMax: 4 });
    await Promise.all(Array.from({ length: 50 }, (_, n) => submit(writer, target(String(n)), delivery(n))));
    expect(temporal.most.all).toBe(4);
  });

  test('spaces the signals of a hot lane, and keeps the quiet it has promised', async () => {
    ownTime();
    const at: number[] = [];
    const promised: number[] = [];
    const writer = new LaneWriter({
      waitingBytesMax: 1e6,
      sendBlock: async (_, block) => {
        at.push(performance.now());
        promised.push(block.quietMs);
        return { runId: 'run', bytes: 1 };
      },
    });
    for (let n = 0; n < 4; n++) await submit(writer, target('hot', 100), delivery(n));
    expect(promised).toEqual([50, 50, 50, 50]);
    expect(gapsOf(at)).toEqual([100, 100, 100]);
  });

  test('ends the spacing of a hot lane early once all who sent to it lately wait for their answer', async () => {
    const blocks: number[] = [];
    const writer = new LaneWriter({
      waitingBytesMax: 1e6,
      now: () => 0, // The spacing itself never ends.
      sendBlock: async (_, block) => {
        blocks.push(block.entries.length);
        return { runId: 'run', bytes: 1 };
      },
    });
    const senders = [{}, {}];
    const post = (n: number) =>
      Promise.all(writer.submit([{ target: target('hot', 100), delivery: delivery(n), sender: senders[n % 2] }]));
    await post(0);
    await Promise.all([post(1), post(2)]);
    const half = post(3);
    await soon();
    await soon();
    expect(blocks).toEqual([1, 2]);
    await Promise.all([half, post(4)]);
    expect(blocks).toEqual([1, 2, 2]);
  });

  describe('promises a run that is known to be long a long quiet', () => {
    const promising = (longRun: () => string | undefined, runEnd?: RunEnd) => {
      ownTime();
      const at: number[] = [];
      const promised: number[] = [];
      const writer = new LaneWriter({
        waitingBytesMax: 1e6,
        longRun,
        ...(runEnd && { runEnd }),
        sendBlock: async (_, block) => {
          at.push(performance.now());
          promised.push(block.quietMs);
          return { runId: 'run', bytes: 1 };
        },
      });
      const post = (n: number) => submit(writer, target('hot', 100), delivery(n));
      return { at, promised, post };
    };

    test('and keeps it; then another one, if the run goes on', async () => {
      let longRun: string | undefined;
      const { at, promised, post } = promising(() => longRun);
      await post(0);
      longRun = 'run';
      for (let n = 1; n < 6; n++) await post(n);
      expect(promised.slice(0, 3)).toEqual([50, 500, 50]);
      expect(promised.slice(3)).toContain(500);
      expect(gapsOf(at).slice(0, 2)).toEqual([100, 500]);
    });

    test('which is over once the lane has continued as new, and is not promised that run again', async () => {
      let end = (_isOver: boolean): void => undefined;
      const { promised, post } = promising(
        () => 'run',
        () => new Promise((resolve) => (end = resolve)),
      );
      await post(0);
      expect(promised.at(-1)).toBe(500);
      const posted = post(1);
      const startedAtMs = performance.now();
      end(true);
      await posted;
      expect(performance.now() - startedAtMs).toBe(100);
      for (let n = 2; n < 12; n++) await post(n);
      expect(promised.slice(1)).toEqual(Array(11).fill(50));
    });
  });

  test('holds a full block back, too, for as long as the lane should have to catch up', async () => {
    ownTime();
    const at: number[] = [];
    const writer = new LaneWriter({
      waitingBytesMax: 1e8,
      backlogMs: () => 120,
      sendBlock: async () => {
        at.push(performance.now());
        return { runId: 'run', bytes: 1 };
      },
    });
    await Promise.all(Array.from({ length: 3 * blockEventsMax }, (_, n) => submit(writer, target('a'), delivery(n))));
    expect(gapsOf(at)).toEqual([120, 120]);
  });

  test('and goes on doing so when the lane has continued as new', async () => {
    ownTime();
    const at: number[] = [];
    const asked: number[] = [];
    const writer = new LaneWriter({
      waitingBytesMax: 1e8,
      backlogMs: () => 300,
      longRun: () => (at.length === 1 ? 'run' : undefined),
      runEnd: async (_workflowId, _runId, withinMs) => asked.push(withinMs) > 0,
      sendBlock: async () => {
        at.push(performance.now());
        return { runId: 'run', bytes: 1 };
      },
    });
    for (let n = 0; n < 3; n++) await submit(writer, target('a'), delivery(n));
    expect(gapsOf(at)).toEqual([300, 300]);
    expect(asked).toEqual([500]); // For the second block's promise alone: the backlog's pauses are no promises.
  });

  test('keeps a hot lane going though the clock is set back by an hour', async () => {
    const temporal = recorder();
    const writer = new LaneWriter({ ...temporal, waitingBytesMax: 1e6 });
    await submit(writer, target('hot', 100), delivery(0));
    const anHourAgo = Date.now() - 3_600_000;
    vi.spyOn(Date, 'now').mockReturnValue(anHourAgo);
    await submit(writer, target('hot', 100), delivery(1));
    const [, second] = temporal.sent.get('delivery:dst:hot') ?? [];
    expect(second?.acceptedAtMs).toBe(anHourAgo); // Of the clock that the workers have too.
  }, 2_000);
});
