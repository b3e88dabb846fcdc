/** Everything that a Causeway has left behind, for a search through it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import pg from 'pg';
import { compressionCodec } from '../../domain/compressionCodec.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import type { TestApi } from './api.ts';
import type { Causeway } from './causeway.ts';
import { type Trace, traceOf } from './leaks.ts';

/** The same API, whose answers are kept, with their headers. */
export function listenedTo(api: TestApi): { api: TestApi; answers: Trace[] } {
  const answers: Trace[] = [];
  const request: TestApi['request'] = async (method, path, body, headers) => {
    const answer = await api.request(method, path, body, headers);
    const { status, text } = answer;
    answers.push(traceOf(`the API's answers`, `${status} ${JSON.stringify([...answer.headers])} ${text}`));
    return answer;
  };
  const post: TestApi['post'] = (event, headers) => request('POST', '/v1/events', event, headers);
  return { api: { ...api, request, post, get: (path) => request('GET', path) }, answers };
}

/** What its processes have logged, and how they were started: they and those that they started. */
export async function tracesOfProcesses({ logDir, apiProcess, workers }: Causeway): Promise<Trace[]> {
  const logs = (await readdir(logDir)).map(async (name) => traceOf(`log ${name}`, await readFile(join(logDir, name))));
  const pids = [apiProcess, ...workers].flatMap(({ pid }) => pid ?? []);
  return [...(await Promise.all(logs)), ...(await tracesOfArguments(pids))];
}

/** What the worker shows to Prometheus. */
export async function tracesOfMetrics({ logDir }: Pick<Causeway, 'logDir'>): Promise<Trace[]> {
  const log = await readFile(join(logDir, 'worker.log'), 'utf8');
  const url = /"url":"(http:[^"]+\/metrics)"/.exec(log)?.[1];
  return [traceOf("the worker's metrics", await (await fetch(String(url))).text())];
}

/** Arguments of these processes and of all below them. */
export async function tracesOfArguments(pids: readonly number[]): Promise<Trace[]> {
  const wanted = new Set(pids);
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(processOf));
  for (let size = 0; size < wanted.size; ) {
    size = wanted.size;
    for (const one of all) if (one && wanted.has(one.parent)) wanted.add(one.pid);
  }
  return all.flatMap((one) => (one && wanted.has(one.pid) ? [traceOf('process arguments', one.commandLine)] : []));
}

async function processOf(name: string) {
  try {
    const [status, commandLine] = await Promise.all([
      readFile(`/proc/${name}/status`, 'utf8'),
      readFile(`/proc/${name}/cmdline`),
    ]);
    return { pid: Number(name), parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]), commandLine };
  } catch {
    return undefined; // It has ended.
  }
}

/** Every row of every table, as text. */
export async function tracesOfDatabase({ databaseUrl }: Pick<Causeway, 'databaseUrl'>): Promise<Trace[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
    );
    const traces: Trace[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(`select t::text as text from ${name} t`);
      traces.push(...rows.map(({ text }) => traceOf(`table ${name}`, text)));
    }
    return traces;
  } finally {
    await client.end();
  }
}

/**
 * Every workflow of these task queues, open or closed: its histories, and what is said of it: attributes, memo, heartbeats. And those that
 * are known by their ids, where they are: a list shows a workflow only a while after it began.
 */
export async function tracesOfTemporal(
  client: Client,
  { temporal }: Pick<Causeway, 'temporal'>,
  knownIds: Iterable<string> = [],
): Promise<Trace[]> {
  const queues = [temporal.taskQueue, segmentTaskQueue(temporal.taskQueue)].map((queue) => `'${queue}'`);
  const traces: Trace[] = [];
  const unlisted = new Set(knownIds);
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue in (${queues.join()})` })) {
    traces.push(...(await tracesOfRun(client.workflow.getHandle(workflowId, runId))));
    unlisted.delete(workflowId);
  }
  for (const workflowId of unlisted) {
    const found = tracesOfRun(client.workflow.getHandle(workflowId));
    traces.push(
      ...(await found.catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return [];
        throw error;
      })),
    );
  }
  return traces;
}

/** Throws `WorkflowNotFoundError`, of which only `describe` knows. */
async function tracesOfRun(handle: WorkflowHandle): Promise<Trace[]> {
  const where = `Temporal, ${handle.workflowId.split(':')[0]}`;
  const { raw } = await handle.describe();
  return [
    ...(await tracesIn(`${where}, history`, await handle.fetchHistory())),
    ...(await tracesIn(`${where}, description`, raw)),
  ];
}

/** Each text and each piece of bytes in a message of Temporal's, payloads unpacked. */
async function tracesIn(where: string, message: unknown): Promise<Trace[]> {
  if (typeof message === 'string') return [traceOf(where, message)];
  if (message instanceof Uint8Array) return [traceOf(where, message)];
  if (typeof message !== 'object' || message === null) return [];
  const unpacked = isPayload(message) ? (await compressionCodec.decode([message]))[0]?.data : undefined;
  const parts = Object.entries(message).map(async ([name, inner]) => [
    traceOf(where, name),
    ...(await tracesIn(where, inner)),
  ]);
  return [...(unpacked ? [traceOf(where, unpacked)] : []), ...(await Promise.all(parts)).flat()];
}

const isPayload = (message: object): message is Payload =>
  'metadata' in message && 'data' in message && message.data instanceof Uint8Array;
