/** `node --import tsx bench/replay/main.ts [events [rate [keys]]]`: a replay of delivered events in two halves, on a stack of its own. */
import { say } from '../../dev/servers/progress.ts';
import { withOutageStack } from '../outage/outageStack.ts';
import { countsIn, runToEnd } from '../program.ts';
import { replayInHalves } from './halves.ts';

const usage = `Usage: node --import tsx bench/replay/main.ts [events [rate [keys]]]

  Delivers so many events (100,000) over 4 lanes, or with \`keys\` over a lane for each of so many keys, replays them at so many a second (2,000), cancels that half-way, continues it, and
  judges by the topic. Ends by itself: after 20 minutes a step has failed.`;
const stepMsMax = 20 * 60_000;

async function main(): Promise<number> {
  const numbers = countsIn(process.argv.slice(2), 3);
  if (!numbers) {
    console.error(usage);
    return 1;
  }
  const [events = 100_000, eventsPerSecond = 2_000, keys] = numbers;
  let isGood = false;
  await withOutageStack(async (stack) => {
    await stack.worker.restart();
    const { lost, twice, changed, keysOutOfOrder, ...figures } = await replayInHalves(stack, {
      ...{ events, eventsPerSecond, perPost: 250, stepMsMax },
      ...(keys === undefined ? { lanes: 4 } : { lanes: 'key' as const, keys }),
    });
    const bad = { lost: lost.length, twice: twice.length, changed: changed.length, outOfOrder: keysOutOfOrder.length };
    say(JSON.stringify({ ...figures, ...bad }));
    isGood = Object.values(bad).every((count) => count === 0);
  });
  return isGood ? 0 : 1;
}

runToEnd(main);
