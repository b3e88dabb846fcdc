/** What the API answers and takes, as its own schemas have it. Types alone: no code of the API comes into the browser. */
import type { z } from 'zod';
import type { apiKeyPageSchema, apiKeySchema, madeApiKeySchema } from '../../../api/schemas/apiKey.ts';
import type { auditPageSchema } from '../../../api/schemas/audit.ts';
import type { shownAuthSchema } from '../../../api/schemas/auth.ts';
import type { connectionTestSchema } from '../../../api/schemas/connectionTest.ts';
import type { deliveryPageSchema } from '../../../api/schemas/deliveries.ts';
import type { destinationPageSchema, ShownDestination } from '../../../api/schemas/destination.ts';
import type { failedSchema, EventLog as Log } from '../../../api/schemas/eventLog.ts';
import type { eventValueSchema } from '../../../api/schemas/eventValue.ts';
import type { deadLetterPageSchema, interventionSchema, lanePageSchema } from '../../../api/schemas/lanes.ts';
import type { madePortalLinkSchema, portalLinkPageSchema } from '../../../api/schemas/portalLink.ts';
import type { problemSchema } from '../../../api/schemas/problem.ts';
import type { replayPageSchema, Replay as ShownReplay } from '../../../api/schemas/replays.ts';
import type { Session as SignedIn } from '../../../api/schemas/session.ts';

export type Problem = z.output<typeof problemSchema>;
export type Failed = z.output<typeof failedSchema>;

export type Destination = ShownDestination;
export type DestinationPage = z.output<typeof destinationPageSchema>;
export type ShownAuth = z.output<typeof shownAuthSchema>;
export type ConnectionTest = z.output<typeof connectionTestSchema>;
export type TestStep = ConnectionTest['steps'][number];

export type LanePage = z.output<typeof lanePageSchema>;
export type Lane = LanePage['lanes'][number];
export type DeadLetterPage = z.output<typeof deadLetterPageSchema>;
export type Intervention = z.output<typeof interventionSchema>;
export type Replay = ShownReplay;

export type EventLog = Log;
export type Delivery = Log['deliveries'][number];
export type Attempt = Delivery['attempts'][number];

export type AuditPage = z.output<typeof auditPageSchema>;
export type AuditEntry = AuditPage['entries'][number];
export type ApiKey = z.output<typeof apiKeySchema>;
export type ApiKeyPage = z.output<typeof apiKeyPageSchema>;
export type MadeApiKey = z.output<typeof madeApiKeySchema>;

export type LaneState = Lane['state'];
export type Overview = {
  at: string;
  sampledAt?: string;
  staleSeconds?: number;
  now: {
    acceptedPerSecond: number;
    deliveredPerSecond: number;
    lanes: Record<LaneState | 'Retrying', number>;
    deadLetters: number;
    deadLettersAtLeast?: true;
    suspendedDestinations: number;
    oldestWaiting?: { acceptedAt: string; destinationId: string; lane: string; state: string };
  };
  worst: {
    destinationId: string;
    name: string;
    customerExternalId: string;
    state: string;
    deadLetters: number;
    lanes: number;
    error?: { name: string; message: string };
    since?: string;
  }[];
};
export type Counts = (number | null)[];
export type Series = {
  from: string;
  to: string;
  stepSeconds: number;
  points: {
    at: string[];
    accepted: Counts;
    delivered: Counts;
    failedTries: Counts;
    parked: Counts;
    deadLetters: Counts;
    retrying: Counts;
    suspended: Counts;
  };
};
export type EventType = { eventType: string; customers: number; last24h: number; last7d: number; lastAt: string };
export type EventTypePage = { eventTypes: EventType[]; nextCursor?: string };
export type ListedDeliveryPage = z.output<typeof deliveryPageSchema>;
export type ListedDelivery = ListedDeliveryPage['deliveries'][number];
export type EventValue = z.output<typeof eventValueSchema>;
export type DeadLetter = DeadLetterPage['deadLetters'][number];
export type ReplayPage = z.output<typeof replayPageSchema>;
export type ListedReplay = ReplayPage['replays'][number];
export type PortalLinkPage = z.output<typeof portalLinkPageSchema>;
export type PortalLink = PortalLinkPage['portalLinks'][number];
export type MadePortalLink = z.output<typeof madePortalLinkSchema>;
export type Permission = PortalLink['permissions'][number];
export type Session = SignedIn;
