import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { StoreLogger } from './logger.ts';
import { connectTimeoutMs } from './pool.ts';

/** What a trigger of the database says after a change was committed (store/migrations/0001_destinations.sql). */
export type Change = { table: 'destinations'; id: string; customer: string } | { table: 'api_keys' };

export type ChangesOptions = {
  databaseUrl: string;
  /** Runs one statement on a connection of its own, not the listener's. */
  notify: (statement: string, values: string[]) => Promise<unknown>;
  onChange: (change: Change) => void;
  /** Called when changes may have been missed, and again when they are heard from now on. */
  onGap: () => void;
  logger?: StoreLogger | undefined;
};

const channel = 'causeway_changed';
/** The two together bound how long a lost connection goes unnoticed: a change is used within a second. */
const checkEveryMs = 300;
const checkTimeoutMs = 500;
const proofTimeoutMs = 2_000;
const reconnectMs = 250;

/**
 * Hears of changes that any process commits. `isHearing` is true only while that is proven: a notification of our own came
 * back through another connection (a pooler in transaction mode swallows it), and every check since was answered in time.
 */
export class Changes {
  isHearing = false;
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private hasWarned = false;
  private proof: { id: string; heard: () => void } | undefined;

  constructor(private readonly options: ChangesOptions) {}

  /** Resolves after the first try to connect, whether it succeeded or not: it goes on trying. */
  async start(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.options.databaseUrl,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      application_name: 'causeway-changes',
    });
    this.client = client;
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('the connection ended')));
    client.on('notification', ({ payload }) => this.heard(payload ?? ''));
    try {
      await client.connect();
      await within(proofTimeoutMs, client.query(`listen ${channel}`));
      await within(proofTimeoutMs, this.prove());
      this.begin(client);
    } catch (error) {
      this.lost(client, error);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.isHearing = false;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private begin(client: pg.Client): void {
    if (this.isClosed || this.client !== client) return;
    // What was read before is dropped: it may have changed before we heard.
    this.options.onGap();
    this.isHearing = true;
    this.hasWarned = false;
    this.checkLater(client);
  }

  private async prove(): Promise<void> {
    const id = randomUUID();
    const heard = new Promise<void>((resolve) => {
      this.proof = { id, heard: resolve };
    });
    await this.options.notify('select pg_notify($1, $2)', [channel, JSON.stringify({ proof: id })]);
    await heard;
  }

  private heard(payload: string): void {
    const message: Change | { proof: string } | undefined = parsed(payload);
    if (!message) this.options.onGap();
    else if (!('proof' in message)) this.options.onChange(message);
    else if (message.proof === this.proof?.id) this.proof.heard();
  }

  private checkLater(client: pg.Client): void {
    this.timer = setTimeout(async () => {
      try {
        await within(checkTimeoutMs, client.query('select 1'));
        if (this.client === client && !this.isClosed) this.checkLater(client);
      } catch (error) {
        this.lost(client, error);
      }
    }, checkEveryMs);
    this.timer.unref();
  }

  private lost(client: pg.Client, error: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.isHearing = false;
    clearTimeout(this.timer);
    this.options.onGap();
    // Not awaited: a connection whose other side is gone may take long to end.
    client.end().catch(() => undefined);
    if (this.isClosed) return;
    if (!this.hasWarned)
      this.options.logger?.warn({ err: error }, 'changes of destinations are not heard: reading through');
    this.hasWarned = true;
    this.timer = setTimeout(() => void this.start(), reconnectMs);
    this.timer.unref();
  }
}

/** Rejects after `timeoutMs`; an answer that lies in the socket already, because this process was busy, still counts. */
function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function parsed(payload: string): Change | { proof: string } | undefined {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
