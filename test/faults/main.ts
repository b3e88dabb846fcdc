/** `npm run test:faults`: does harm to every part of a running Causeway, and counts what was lost. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { installOther } from '../../bench/clients/install.ts';
import { describeMachine } from '../../bench/report/run.ts';
import { endAllGroups } from '../../dev/servers/groups.ts';
import { MissingTools } from '../../dev/servers/install.ts';
import { installParts } from '../../dev/servers/parts.ts';
import { say } from '../../dev/servers/progress.ts';
import { type FaultArguments, readArguments, usage, WrongArgument } from './arguments.ts';
import { tableOf } from './report/markdown.ts';
import { writePage } from './report/page.ts';
import type { FaultRun } from './report/results.ts';
import { type FaultResult, runFault } from './runFault.ts';
import { type Stand, startStand } from './stand/stand.ts';

let stopStand: Stand['stop'] = async () => {};

const inWords = ({ problems }: FaultResult): string => (problems.length === 0 ? 'as it must be' : problems.join('; '));

async function faultRun({ form, faults, auth, client, server, out }: FaultArguments): Promise<boolean> {
  await installParts({ forTests: false });
  if (client === 'platformatic') await installOther();
  const run = await describeMachine();
  const onStop = (stop: Stand['stop']): void => {
    stopStand = stop;
  };
  const stand = await startStand({ client, server, onStop });
  const results: FaultResult[] = [];
  for (const fault of faults) {
    say(`${fault.name}: ${fault.title}, ${fault.times[form]} × …`);
    const result = await runFault(stand, fault, form, { by: auth, isTimed: true });
    results.push(result);
    say(`  ${result.accepted} accepted, ${result.arrived} delivered: ${inWords(result)}`);
  }
  const command = ['npm run test:faults --', ...process.argv.slice(2)].join(' ');
  const other = {
    ...(client !== 'kafkajs' && { client }),
    ...(Object.keys(server).length > 0 && { server }),
  };
  const found: FaultRun = { command, form, auth, ...other, run, results };
  const json = JSON.stringify(found, null, 2);
  console.log(`${tableOf(results)}\n\n\`\`\`json\n${json}\n\`\`\``);
  if (out !== undefined) {
    await mkdir(dirname(resolve(out)), { recursive: true });
    await writeFile(out, `${json}\n`);
    say(`The figures are in ${out}.`);
  }
  const isGood = results.every(({ problems }) => problems.length === 0);
  if (!isGood) say(`The logs of servers, API and workers are in ${stand.dir}.`);
  await stopStand({ keepLogs: !isGood });
  return isGood;
}

/** Resolves at the first request to stop: Ctrl-C, a signal, or the end of the process that started us. */
function stopRequested(): Promise<string> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    process.on('disconnect', () => stop('the end of its parent'));
  });
}

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (given === 'help') {
    console.log(usage);
    return 0;
  }
  if (given.page) {
    say(`Written: ${await writePage()}`);
    return 0;
  }
  const stopped = stopRequested();
  try {
    const isGood = await Promise.race([faultRun(given), stopped]);
    if (typeof isGood === 'boolean') return isGood ? 0 : 1;
    say(`\nStopping (${isGood}) …`);
    return 130;
  } finally {
    await stopStand({ keepLogs: false });
    await endAllGroups();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isPlain = error instanceof WrongArgument || error instanceof MissingTools || !(error instanceof Error);
    say(isPlain ? String(error instanceof Error ? error.message : error) : `The fault run failed: ${error.stack}`);
    process.exit(1);
  },
);
