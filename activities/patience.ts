import type { Failed, Outcome, OutcomeHold, ProduceRequest } from '../domain/attempt.ts';
import { isForWritesToTell } from '../domain/failures.ts';
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
    request: ProduceRequest,
    failed: Failed,
    met: { failingMs: number; version: number | undefined; isSent: boolean },
  ): Promise<OutcomeHold | undefined> {
    const { outages, waitAfterMs } = this.options;
    const { destinationId, resumed } = request;
    const { failingMs, version, isSent } = met;
    if (isOfTheTry(failed)) return undefined;
    // A broker answers: that is no outage, and a lane that waits for a probe would never get through its tries.
    if (isSent && isForWritesToTell(failed.name)) return await this.suspendedAgain(request, failed, version);
    outages.failed(destinationId, failed);
    if (!resumed && failingMs < waitAfterMs && !outages.lasts(destinationId)) return undefined;
    return await this.held(destinationId, { waiting: failed, version }, resumed?.by === 'keeper');
  }

  /** A lane that was resumed from this very fault has had its tries: they begin anew only with another destination. */
  private async suspendedAgain(
    { destinationId, resumed }: ProduceRequest,
    failed: Failed,
    version: number | undefined,
  ): Promise<OutcomeHold | undefined> {
    const { kind, error, version: before } = resumed?.from ?? {};
    if (kind !== 'suspended' || error?.name !== failed.name || before !== version) return undefined;
    const suspended: Failed = { ...failed, kind: 'destinationAtFault' };
    return await this.held(destinationId, { suspended, version }, resumed?.by === 'keeper');
  }

  private async versionOf(destinationId: string): Promise<number | undefined> {
    const destination = await this.options.destinations.open(destinationId).catch(() => undefined);
    return destination?.version;
  }

  private async held(destinationId: string, hold: OutcomeHold, relapsed: boolean): Promise<OutcomeHold> {
    const fault = hold.suspended && { name: hold.suspended.name, version: hold.version };
    await this.options.tellKeeper(destinationId, { relapsed, fault });
    return { ...hold, lookAfterMs: this.options.outages.lookAfterMs(destinationId) };
  }
}

/** It says nothing of the destination. */
const isOfTheTry = ({ name }: Failed): boolean => name === 'NOT_SENT_IN_TIME' || name === 'WORKER_LOST';
