/** `node --import tsx bench/outage/main.ts broker-down|no-worker|reset …`: what an outage costs, on a stack of its own. */
import { countsIn, runToEnd } from '../program.ts';
import { brokerDown } from './brokerDown.ts';
import { noWorker } from './noWorker.ts';
import { withOutageStack } from './outageStack.ts';
import { resetSignals } from './resetSignals.ts';

const usage = `Usage: node --import tsx bench/outage/main.ts

  broker-down [lanes [seconds]]   10,000 lanes with work whose broker is down: what they cost, counted over 60 seconds, and how long they
                                  take after its return, held against the same work with nothing down
  no-worker [lanes [signals]]     16 lanes that get 3,000 signals each while no worker runs, and then one that does
  reset [signals [bytes]]         a lane that got 10,500 signals of 20 bytes in its runs is reset to its beginning`;

async function main(): Promise<number> {
  const [what, ...given] = process.argv.slice(2);
  const numbers = countsIn(given, given.length);
  if (numbers && what === 'broker-down') {
    const [lanes = 10_000, seconds = 60] = numbers;
    await withOutageStack((stack) => brokerDown(stack, lanes, seconds * 1_000));
    return 0;
  }
  if (numbers && what === 'no-worker') {
    const [lanes = 16, signals = 3_000] = numbers;
    await withOutageStack((stack) => noWorker(stack, lanes, signals));
    return 0;
  }
  if (numbers && what === 'reset') {
    const [signals = 10_500, textLength = 20] = numbers;
    await withOutageStack((stack) => resetSignals(stack, signals, textLength));
    return 0;
  }
  console.error(usage);
  return 1;
}

runToEnd(main);
