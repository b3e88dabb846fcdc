import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test, vi } from 'vitest';
import { AttemptLog } from '../../activities/attemptLog.ts';
import { PayloadKeyWatch } from '../../activities/payloadKeyWatch.ts';
import type { Failed, Progress } from '../../domain/attempt.ts';
import { CausewayError } from '../../domain/error.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { workerMetrics } from '../../worker/metrics.ts';
import { serveMetrics } from '../../worker/metricsServer.ts';

/** Our own counters, as lines; those that are 0 are left out. */
const countsIn = (text: string): string[] =>
  text.split('\n').filter((line) => line.startsWith('causeway_') && !line.endsWith(' 0'));
const failedWith = (name: string): Failed => ({ ...failureRowOf(name), name, message: name });
const temporalTry = (attempt: number) => ({ attempt, scheduledAtMs: 0, currentScheduledAtMs: 0 });

test('attempts are counted by outcome, those of a killed worker too, records as they land, errors of no table by name', async () => {
  const { meter, registry } = workerMetrics();
  const killed = new AttemptLog(undefined, temporalTry(1), meter);
  killed.begin();
  const left: Progress = killed.progress(); // It says no more: its worker is gone.
  const log = new AttemptLog(left, temporalTry(3), meter); // Of the second try nothing was heard.
  log.end(log.begin(), { outcome: 'failed', brokers: [], error: failedWith('KAFKA_999') });
  log.end(log.begin(), {
    ...{ outcome: 'partly', brokers: [], error: failedWith('KAFKA_999') },
    failures: ['KAFKA_999', 'KAFKA_999', 'ODD_NEW_ERROR', 'ECONNRESET'].map((name) => ({
      ...{ partitions: [0], brokers: [], outcome: 'failed' },
      error: failedWith(name),
    })),
  });
  const last = log.begin();
  log.land({ partition: 0, broker: 'b:1', attempt: last.number, positions: [0, 1, 2], offsets: [7, 8, 9] });
  log.end(last, { outcome: 'delivered', brokers: [], error: undefined });

  expect(countsIn(await registry.metrics())).toEqual([
    'causeway_attempts_total{outcome="delivered"} 1',
    'causeway_attempts_total{outcome="partly"} 1',
    'causeway_attempts_total{outcome="failed"} 1',
    'causeway_attempts_total{outcome="unknown"} 2',
    'causeway_records_delivered_total 3',
    'causeway_unlisted_errors_total{error="KAFKA_999"} 2',
    'causeway_unlisted_errors_total{error="ODD_NEW_ERROR"} 1',
  ]);
});

test('credentials that cannot be opened are an alarm, which is there as 0 before the first', async () => {
  const { meter, registry } = workerMetrics();
  expect(await registry.metrics()).toContain('causeway_alarms_total{alarm="CREDENTIALS_UNREADABLE"} 0\n');
  meter.met('CREDENTIALS_UNREADABLE');
  meter.met('TOPIC_AUTHORIZATION_FAILED'); // The customer's, and listed: the attempt is counted, and nothing else.
  expect(countsIn(await registry.metrics())).toEqual(['causeway_alarms_total{alarm="CREDENTIALS_UNREADABLE"} 1']);
});

test('however many names a broker makes up, a hundred are told apart, and none that is no plain name', async () => {
  const { meter, registry } = workerMetrics();
  meter.met('password=hunter2 at /etc\n');
  for (let n = 0; n < 1_000; n++) meter.met(`MADE_UP_${n}`);
  meter.met('MADE_UP_7');
  const counts = countsIn(await registry.metrics());
  expect(counts).toHaveLength(101);
  expect(counts).toContain('causeway_unlisted_errors_total{error="MADE_UP_7"} 2');
  expect(counts).toContain('causeway_unlisted_errors_total{error="other"} 901');
});

test('GET /metrics shows them, nothing else is there, and a port that is taken stops no worker', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const { registry } = workerMetrics();
  const first = await serveMetrics({ host: '127.0.0.1', port: 0, registry, logger });
  const url = String(lines[0]?.url);
  const shown = await fetch(url);
  expect(shown.headers.get('content-type')).toContain('text/plain');
  expect(await shown.text()).toContain('causeway_attempts_total{outcome="delivered"} 0');
  expect((await fetch(new URL('/', url))).status).toBe(404);
  expect((await fetch(url, { method: 'POST' })).status).toBe(404);

  const port = Number(new URL(url).port);
  const second = await serveMetrics({ host: '127.0.0.1', port, registry: new Registry(), logger });
  expect(lines[1]).toMatchObject({ level: 40, remedy: expect.stringContaining('CAUSEWAY_WORKER_METRICS_PORT') });
  second.close();
  first.close();
});

test('a host that is none of this machine is refused at the start', async () => {
  const options = { host: '192.0.2.1', port: 0, registry: new Registry(), logger: pino({ level: 'silent' }) };
  await expect(serveMetrics(options)).rejects.toThrow(CausewayError);
});

test('a worker without the setting that others have begun with raises an alarm, and counts it', async () => {
  const { keyAlarm, registry } = workerMetrics();
  expect(await registry.metrics()).toContain('causeway_alarms_total{alarm="HASH_KEYS_DIFFER"} 0\n');
  const said: unknown[] = [];
  const logger = { error: (fields: unknown) => said.push(fields), warn: () => undefined };
  const watch = new PayloadKeyWatch({ logger, onAlarm: keyAlarm });
  let calls = 0;
  await watch.begin(1, async () => {
    if (calls++ > 0) throw new CausewayError('hash_keys_differ', 'Set it.');
  });
  await vi.waitFor(() => expect(said).toContainEqual({ alarm: 'HASH_KEYS_DIFFER', remedy: 'Set it.' }));
  watch.stop();
  expect(await registry.metrics()).toMatch(/causeway_alarms_total\{alarm="HASH_KEYS_DIFFER"\} [1-9]/);
});
