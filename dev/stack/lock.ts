import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { lockUntilAllEnded } from '../servers/groups.ts';
import { say } from '../servers/progress.ts';
import { until } from '../servers/until.ts';

/** A killed start's processes are ended by its watchdog, one after the other, in some seconds. */
const endingMsMax = 60_000;

/**
 * Takes the lock of a folder; false where another start runs from it. One that is just ending is waited for: two servers on
 * the same data would spoil it.
 */
export async function takeLock(folder: string): Promise<boolean> {
  const digest = createHash('sha256').update(await realpath(folder));
  const name = `causeway-${digest.digest('hex').slice(0, 32)}`;
  let said = false;
  const ask = async () => {
    const answer = await lockUntilAllEnded(name);
    if (answer === 'ending' && !said) say('Waiting for what an earlier start left running to end …');
    said ||= answer === 'ending';
    return answer;
  };
  const options = { timeoutMs: endingMsMax, everyMs: 200 };
  return (await until('an earlier start to end', ask, (answer) => answer !== 'ending', options)) === 'held';
}
