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
import type { laneLogSchema } from '../../../api/schemas/laneLog.ts';
import type { deadLetterPageSchema, interventionSchema, lanePageSchema } from '../../../api/schemas/lanes.ts';
import type { eventTypePageSchema, overviewSchema, seriesSchema } from '../../../api/schemas/numbers.ts';
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
export type LaneLogPage = z.output<typeof laneLogSchema>;
export type LaneLogEntry = LaneLogPage['entries'][number];
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

export type Overview = z.output<typeof overviewSchema>;
export type Series = z.output<typeof seriesSchema>;
export type EventTypePage = z.output<typeof eventTypePageSchema>;
export type EventType = EventTypePage['eventTypes'][number];
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
