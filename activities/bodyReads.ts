/** What a lane's history tells of bodies of dead letters that it could not read. */
import { bodyLost, lettersSettledType, type ReadBodies } from '../domain/bodies.ts';
import type { LaneRecord } from '../domain/deliveryLog.ts';
import { unforeseen } from '../domain/failures.ts';
import { type HistoryEvent, msOf } from './historyEvent.ts';
import type { LaneHistories } from './laneHistory.ts';

/** Letters whose bodies are lost. */
export type LostBodies = LaneRecord & { kind: 'unread' };

export class BodyReads {
  private readonly asked = new Map<string, ReadBodies>();

  constructor(private readonly decoding: Pick<LaneHistories, 'decoded' | 'messageOf'>) {}

  /** To be given every event, in order. */
  async note({ eventId, activityTaskScheduledEventAttributes: scheduled }: HistoryEvent): Promise<void> {
    if (scheduled?.activityType?.name !== 'readBodies') return;
    const [request] = await this.decoding.decoded<[ReadBodies?]>(scheduled.input?.payloads);
    if (request) this.asked.set(String(eventId), request);
  }

  async lostIn(event: HistoryEvent): Promise<LostBodies | undefined> {
    const failed = event.activityTaskFailedEventAttributes;
    const request = failed && this.asked.get(String(failed.scheduledEventId));
    if (!request) return undefined;
    const name = failed.failure?.applicationFailureInfo?.type || unforeseen;
    if (name === lettersSettledType) return undefined; // Nobody needs them.
    const error = bodyLost(request.holderId, { name, message: (await this.decoding.messageOf(failed.failure)) ?? '' });
    return { kind: 'unread', atMs: msOf(event.eventTime), letters: request.letters, error };
  }
}
