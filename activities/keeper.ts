/** What a keeper does in the world: it asks the destination, and tells lanes. */
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { failureRowOf, kindOf } from '../domain/failures.ts';
import type { Failing, LanesTold, LanesToTell, Seen, WatchRequest } from '../domain/keeper.ts';
import type { Found } from '../domain/laneHold.ts';
import { failingAgain, probePauseMs } from '../domain/probePause.ts';
import { beating } from './beating.ts';
import type { DeliveryMeter } from './deliveryMeter.ts';
import { notBefore, type OpenDestinations } from './freshDestination.ts';
import { failureIn, NamedError } from './kafka/failureNames.ts';
import { probeTopic } from './kafka/probe.ts';
import type { LaneDirectory } from './laneDirectory.ts';
import type { Outages } from './outages.ts';
import type { Probing } from './probing.ts';
import { asNamedError, usable } from './usableDestination.ts';

export type KeeperDependencies = {
  destinations: OpenDestinations;
  lanes: LaneDirectory;
  outages: Outages;
  /** Knows of each probe as long as it lasts. */
  probing: Probing;
  logger: Logger;
  meter: DeliveryMeter;
  /** As the produce activity has it. */
  faultAfterMsMax?: number;
};

export type KeeperActivity = {
  watch(request: WatchRequest): Promise<Seen>;
  tellLanes(request: LanesToTell): Promise<LanesTold>;
};

/** One activity watches for so long: another keeper may wait for its place. In ms. */
const watchMsMax = 5 * 60_000;
/** A change in the store ends a pause within so long, in ms: reading it costs nothing while changes are heard. */
const storeEveryMs = 500;
const heartbeatEveryMs = 5_000;

export function createKeeperActivities({
  destinations,
  lanes,
  outages,
  probing,
  logger,
  meter,
  faultAfterMsMax,
}: KeeperDependencies): KeeperActivity {
  return {
    async watch({ destinationId, version, failing: before }) {
      const context = Context.current();
      const endMs = Date.now() + watchMsMax;
      let failing = (context.info.heartbeatDetails as Failing | undefined) ?? before;
      const watching = async (): Promise<Seen> => {
        for (let probes = 1; ; probes++) {
          const probed = await probe(notBefore(destinations, version), destinationId, probing);
          if ('found' in probed) {
            outages.recovered(destinationId);
            logger.info({ destinationId }, 'a destination can be delivered to again');
            return { kind: 'up', ...probed.found, held: await lanes.held(destinationId) };
          }
          failing = failingAgain(failing, probed.failed, Date.now());
          const { name, code, message, tries, sinceMs } = failing;
          meter.met(name);
          const kind = kindOf(failureRowOf(name), tries, Date.now() - sinceMs, faultAfterMsMax);
          const seen = { failing, version: probed.version };
          logger.debug({ destinationId, name, tries }, 'a probe failed');
          if (kind === 'destinationAtFault') return { kind: 'atFault', ...seen, held: await lanes.held(destinationId) };
          const { remedy } = failureRowOf(name);
          outages.failed(destinationId, {
            kind: 'transient',
            name,
            ...(code !== undefined && { code }),
            message,
            remedy,
          });
          if (Date.now() >= endMs) return { kind: 'down', ...seen, held: await lanes.held(destinationId) };
          const pauseMs = probePauseMs(probes, Date.now() - (failing.downSinceMs ?? failing.sinceMs), Math.random());
          await paused(context, pauseMs, async () => (await versionOf(destinations, destinationId)) !== probed.version);
        }
      };
      return await beating(heartbeatEveryMs, watching, () => failing);
    },

    async tellLanes(request) {
      const { cancellationSignal } = Context.current();
      const told = await beating(heartbeatEveryMs, () => lanes.tell(request, () => cancellationSignal.aborted));
      if (cancellationSignal.aborted) throw new CancelledFailure('The worker stops.');
      const { destinationId, signal } = request;
      if (told.lanes > 0) logger.info({ destinationId, signal, lanes: told.lanes }, 'lanes were told');
      return told;
    },
  };
}

type Probe = { found: Found } | { failed: Pick<Failing, 'name' | 'code' | 'message'>; version: number | undefined };

/** Counted from before it reads the destination: credentials that are replaced meanwhile are still in use. */
const probe = (destinations: OpenDestinations, destinationId: string, probing: Probing): Promise<Probe> =>
  probing.during(destinationId, async (has) => {
    let version: number | undefined;
    try {
      const opened = await destinations.open(destinationId).catch(asNamedError);
      version = opened?.version;
      if (version !== undefined) has(version);
      const destination = usable(opened);
      const { canWrite } = await probeTopic(destination);
      if (canWrite === false) throw mayNotWrite(destination.topic);
      return { found: { version: destination.version, ...(canWrite !== undefined && { canWrite }) } };
    } catch (error) {
      return { failed: failureIn(error), version };
    }
  });

const mayNotWrite = (topic: string): NamedError =>
  new NamedError({
    name: 'TOPIC_AUTHORIZATION_FAILED',
    code: 29,
    message: `Topic ${topic}: the broker shows it to our principal, who may not write to it`,
  });

const versionOf = async (destinations: OpenDestinations, id: string): Promise<number | undefined> =>
  (await destinations.open(id).catch(() => undefined))?.version;

/** Waits so long, or until `isOver`. Rejects when the activity is cancelled: its worker stops. */
async function paused(context: Context, pauseMs: number, isOver: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + pauseMs; Date.now() < endMs; ) {
    await context.sleep(Math.min(storeEveryMs, Math.max(endMs - Date.now(), 1)));
    if (await isOver()) return;
  }
}
