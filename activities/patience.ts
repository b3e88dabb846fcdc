import type { Failed, Outcome, OutcomeHold, ProduceRequest } from '../domain/attempt.ts';
import { failureRowOf } from '../domain/failures.ts';
import type { OpenDestinations } from './freshDestination.ts';
import type { LaneHeld } from './keeperCall.ts';
import type { Outages } from './outages.ts';

export type PatienceOptions = {
  destinations: OpenDestinations;
  outages: Outages;
  /** Resolves once the destination's keeper knows that a lane holds. */
  tellKeeper(destinationId: string, lane: LaneHeld): Promise<void>;
  /** A batch is tried for so long before its lane waits, in ms. */
  waitAfterMs: number;
};

/** Decides when a lane stops trying and holds for its destination's sake, and sees to it that a keeper watches then. */
export class Patience {
  constructor(private readonly options: PatienceOptions) {}

  /** Why the lane is to hold without a try, or undefined where it is to try. */
  async holdBefore({ destinationId, resumed }: ProduceRequest): Promise<OutcomeHold | undefined> {
    if (resumed && resumed.by !== 'timer') return undefined; // Whoever let it go on knows better.
    if (resumed?.from.kind === 'suspended') {
      const { error, version } = resumed.from;
      const isSame = version !== undefined && version === (await this.versionOf(destinationId));
      return isSame ? await this.held(destinationId, { suspended: error, version }, false) : undefined;
    }
    const error = this.options.outages.knownDown(destinationId);
    return error && (await this.held(destinationId, { waiting: error }, false));
  }

  delivered(destinationId: string): void {
    this.options.outages.recovered(destinationId);
  }

  /** How the lane is to hold for a destination that is itself at fault. */
  async holdFor({ destinationId, resumed }: ProduceRequest, { suspended, version }: Outcome): Promise<OutcomeHold> {
    return await this.held(destinationId, { suspended, version }, resumed?.by === 'keeper');
  }

  /** Why the lane is to hold after a try that failed in passing, or undefined where Temporal is to try again. */
  async holdAfter(
    { destinationId, resumed }: ProduceRequest,
    failed: Failed,
    since: { failingMs: number; version: number | undefined },
  ): Promise<OutcomeHold | undefined> {
    const { outages } = this.options;
    if (isOfTheTry(failed)) return undefined;
    outages.failed(destinationId, failed);
    if (!resumed && since.failingMs < this.patienceMs(failed) && !outages.lasts(destinationId)) return undefined;
    return await this.held(destinationId, { waiting: failed, version: since.version }, resumed?.by === 'keeper');
  }

  private async versionOf(destinationId: string): Promise<number | undefined> {
    const destination = await this.options.destinations.open(destinationId).catch(() => undefined);
    return destination?.version;
  }

  /** What becomes the destination's fault after a stated time is tried until then. */
  private patienceMs({ name }: Failed): number {
    const { lasting } = failureRowOf(name);
    const { waitAfterMs } = this.options;
    return lasting?.kind === 'destinationAtFault' ? Math.max(waitAfterMs, lasting.ms) : waitAfterMs;
  }

  private async held(destinationId: string, hold: OutcomeHold, relapsed: boolean): Promise<OutcomeHold> {
    const fault = hold.suspended && { name: hold.suspended.name, version: hold.version };
    await this.options.tellKeeper(destinationId, { relapsed, fault });
    return { ...hold, lookAfterMs: this.options.outages.lookAfterMs(destinationId) };
  }
}

/** It says nothing of the destination. */
const isOfTheTry = ({ name }: Failed): boolean => name === 'NOT_SENT_IN_TIME' || name === 'WORKER_LOST';
