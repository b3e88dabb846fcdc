import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { eventLogSchema, type LaneLogPage, laneLogSchema } from '../answers.ts';
import type { Api } from '../api.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { laneLine } from '../laneTimeLine.ts';
import { checkedEventId, destinationPath, jsonOption, laneOption, limitOption } from '../options.ts';
import { countOf, jsonOf, timeOf } from '../output.ts';
import { pagesOf } from '../pages.ts';
import { timeLines } from '../timeLine.ts';

const everyMs = 1_000;
const pageSizeMax = 1_000;
/** In these nothing happens any more, unless a person replays it. */
const settled = new Set(['delivered', 'discarded', 'parked', 'expired']);

type LogOptions = {
  lane?: string;
  customer?: string;
  key?: string;
  limit: number;
  follow?: true;
  json?: true;
};

/** `causeway log <event>` and `causeway log <destination> --lane <lane>` */
export function logCommand(program: Command, { io, api }: Context): void {
  program
    .command('log')
    .description('the time line of an event, or of a lane: every attempt with its outcome, and who did what')
    .argument('[event or destination]', 'evt_…, or dst_… with --lane')
    .addOption(new Option('--customer <id>', 'with --key, in place of the id of an event: its customerExternalId'))
    .addOption(new Option('--key <key>', 'the idempotencyKey that the event was posted with'))
    .addOption(laneOption('what happened in this lane of the destination'))
    .addOption(limitOption('entries of a lane, the latest ones', 100))
    .addOption(new Option('--follow', 'go on: until an event is settled, or for a lane until Ctrl-C'))
    .addOption(jsonOption())
    .action(async (given: string | undefined, options: LogOptions) => {
      const id = given ?? eventIdByKey(options);
      if (options.lane === undefined && id.startsWith('dst_')) {
        const remedy = 'Which lane? Add --lane <lane>: `causeway lanes` shows those that are open.';
        throw new CliFailure('usage', 'argument_missing', remedy);
      }
      if (options.lane === undefined) {
        const log = eventLog(io, api, checkedEventId(id), options);
        return await (given === undefined ? log.catch((error) => throwSpelled(error)) : log);
      }
      const path = `${destinationPath(id)}/lane-log?lane=${encodeURIComponent(options.lane)}`;
      const log = new LaneLog(io, await api(), path, options);
      if (!options.follow) return await log.show();
      await log.follow().catch((error: unknown) => {
        if (!io.stop.aborted) throw error; // Ctrl-C is how it ends.
      });
    });
}

/** An event's id comes from customer and idempotency key: who knows these need not have kept the id. */
function eventIdByKey({ customer, key }: LogOptions): string {
  if (customer && key) return eventIdOf(eventDigest(customer, key));
  const remedy =
    'Which event? Give its id (evt_…), or --customer and --key: its customerExternalId and idempotencyKey.';
  throw new CliFailure('usage', 'argument_missing', remedy);
}

/** A slip in either makes the id of another event. */
function throwSpelled(error: unknown): never {
  if (!(error instanceof CliFailure) || error.code !== 'event_not_found') throw error;
  const remedy = `${error.message} Or --customer or --key is spelled otherwise than it was posted: they are compared letter by letter.`;
  throw new CliFailure(error.exit, error.code, remedy, { cause: error });
}

async function eventLog(io: Io, api: Context['api'], id: string, { follow, json }: LogOptions): Promise<void> {
  const from = await api();
  const shown = new Set<string>();
  for (;;) {
    const log = await from.get(`/v1/events/${id}`, eventLogSchema);
    if (json && !follow) return io.out(jsonOf(log));
    for (const line of json ? [JSON.stringify(log)] : timeLines(log)) {
      if (!shown.has(line)) io.out(`${line}\n`);
      shown.add(line);
    }
    // Of one that is not read to its end nothing new would come.
    const isOver = log.deliveries.every(({ status, incomplete }) => settled.has(status) || incomplete);
    if (!follow || isOver) return;
    await sleep(everyMs, undefined, { signal: io.stop }).catch(() => undefined);
    if (io.stop.aborted) return;
  }
}

class LaneLog {
  constructor(
    private readonly io: Io,
    private readonly api: Api,
    private readonly path: string,
    private readonly options: LogOptions,
  ) {}

  async show(): Promise<void> {
    const { limit, json } = this.options;
    const { pages, isMore } = await pagesOf(limit, this.page, ({ entries }) => entries);
    const [first] = pages;
    const entries = pages.flatMap((page) => page.entries);
    const deletedBefore = pages.at(-1)?.deletedBefore;
    if (json) return this.io.out(jsonOf({ ...first, entries, deletedBefore, nextCursor: undefined, isMore }));
    if (deletedBefore !== undefined) {
      this.io.err(`What happened before ${timeOf(deletedBefore)} Temporal has deleted (the namespace's retention).\n`);
    }
    this.print(entries);
    this.io.err(
      `${countOf(entries.length, 'entry', 'entries')}${isMore ? ', and earlier ones: raise --limit' : ''}.\n`,
    );
  }

  /** First the latest `--limit`, then what comes, none of it left out however much it is. */
  async follow(): Promise<void> {
    const shown = new Set<string>();
    const { io, options } = this;
    for (let limit = options.limit; !io.stop.aborted; limit = Number.POSITIVE_INFINITY) {
      const isNew = ({ id }: { id: string }): boolean => !shown.has(id);
      let isReached = false;
      const { pages } = await pagesOf(
        limit,
        async (at, left) => {
          const page = await this.page(at, left);
          isReached = page.entries.some((entry) => !isNew(entry));
          return isReached ? { ...page, nextCursor: undefined } : page;
        },
        ({ entries }) => entries,
      );
      const entries = pages.flatMap((page) => page.entries).filter(isNew);
      this.print(entries);
      for (const { id } of entries) shown.add(id);
      await sleep(everyMs, undefined, { signal: io.stop }).catch(() => undefined);
    }
  }

  private readonly page = (at: string, left: number): Promise<LaneLogPage> =>
    this.api.get(`${this.path}&limit=${Math.min(left, pageSizeMax)}${at}`, laneLogSchema);

  /** The oldest first, as a time line is read. */
  private print(entries: LaneLogPage['entries']): void {
    for (const entry of entries.toReversed()) {
      this.io.out(`${this.options.json ? JSON.stringify(entry) : laneLine(entry)}\n`);
    }
  }
}
