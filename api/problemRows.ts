import type { ContentfulStatusCode } from 'hono/utils/http-status';

export type ProblemRow = {
  code: string;
  status: ContentfulStatusCode;
  title: string;
  /** For how long to wait before sending again, in s. */
  retryAfterS?: number;
  /** Stands in for the error's own text, where that is for our operators and not for the sender. */
  detail?: string;
};

const storeAway = 'The store of destinations can not be used now. Send the request again after some seconds.';
const ourFault = 'Something failed on our side. The request id in this answer finds it in our log.';

const keyAway =
  'What is asked for is encrypted with a key that this API does not have. Our log says which. Send the request again later.';

/** What each error code means to a sender over HTTP. */
const rows = [
  { code: 'malformed_json', status: 400, title: 'The body is not JSON' },
  { code: 'batch_empty', status: 400, title: 'The batch holds no event' },
  { code: 'batch_too_large', status: 413, title: 'The batch holds too many events' },
  { code: 'request_invalid', status: 400, title: 'The request is not valid' },
  { code: 'cursor_invalid', status: 400, title: 'The cursor is not valid' },
  { code: 'unauthenticated', status: 401, title: 'A valid API key is needed' },
  { code: 'scope_missing', status: 403, title: 'The API key may not do this' },
  { code: 'portal_refused', status: 403, title: 'A portal link may not do this' },
  { code: 'csrf', status: 403, title: 'Another page may have made the request' },
  { code: 'not_found', status: 404, title: 'There is nothing here' },
  { code: 'destination_not_found', status: 404, title: 'There is no such destination' },
  { code: 'api_key_not_found', status: 404, title: 'There is no such API key' },
  { code: 'portal_link_not_found', status: 404, title: 'There is no such portal link' },
  { code: 'event_not_found', status: 404, title: 'The event is not known' },
  { code: 'event_value_expired', status: 410, title: "The event's record is deleted" },
  { code: 'event_value_not_found', status: 404, title: "The event's record was not found" },
  { code: 'lane_not_found', status: 404, title: 'There is no such lane' },
  { code: 'event_not_replayable', status: 409, title: 'An event that is named can not be sent again' },
  { code: 'replay_not_continued', status: 409, title: 'The replay can not be continued' },
  { code: 'replay_not_found', status: 404, title: 'There is no such replay' },
  { code: 'method_not_allowed', status: 405, title: 'The path has no such method' },
  { code: 'too_many_destinations', status: 409, title: 'The customer has too many destinations' },
  { code: 'too_many_api_keys', status: 409, title: 'There are too many API keys' },
  { code: 'destination_disabled', status: 409, title: 'The destination is disabled' },
  { code: 'events_waiting', status: 409, title: 'Events wait in the lanes of the destination' },
  { code: 'lane_is_two', status: 409, title: 'The lane is two workflows' },
  { code: 'lanes_not_held', status: 409, title: 'The lanes could not be changed in time' },
  { code: 'lanes_paused', status: 409, title: 'Lanes of the destination are paused' },
  { code: 'lanes_held', status: 409, title: 'Another change of the lanes is under way', retryAfterS: 2 },
  { code: 'event_not_parked', status: 409, title: 'Some of the events are not parked' },
  { code: 'too_many_dead_letters', status: 409, title: 'Too many dead letters for one request' },
  { code: 'too_many_lanes', status: 409, title: 'Too many lanes for one request' },
  { code: 'version_conflict', status: 412, title: 'The destination was changed meanwhile' },
  { code: 'body_too_large', status: 413, title: 'The body is too large' },
  { code: 'event_too_large', status: 413, title: 'The event is too large' },
  { code: 'content_type_unsupported', status: 415, title: 'The content type is not supported' },
  { code: 'rotation_test_failed', status: 422, title: 'The new credentials did not pass their test' },
  { code: 'idempotency_key_reused', status: 422, title: 'The idempotency key was used for another request' },
  { code: 'validation_failed', status: 422, title: 'Some fields are not valid' },
  { code: 'rate_limited', status: 429, title: 'Too many requests with this API key' },
  { code: 'too_many_sign_ins', status: 429, title: 'Too many sign-ins' },
  { code: 'overloaded', status: 503, title: 'Too much at once', retryAfterS: 1 },
  { code: 'lane_full', status: 503, title: 'The lane is full', retryAfterS: 1 },
  { code: 'workers_behind', status: 503, title: 'The workers are behind', retryAfterS: 5 },
  { code: 'lanes_changing', status: 503, title: 'The lanes of a destination are being changed', retryAfterS: 2 },
  { code: 'lanes_unknown', status: 503, title: 'The lanes could not be asked', retryAfterS: 5 },
  { code: 'partly_stored', status: 503, title: 'Not stored for every destination', retryAfterS: 1 },
  { code: 'temporal_unavailable', status: 503, title: 'Temporal did not answer', retryAfterS: 1 },
  { code: 'payload_key_missing', status: 503, title: 'A key is not there', retryAfterS: 30, detail: keyAway },
  { code: 'payload_key_wrong', status: 503, title: 'A key is not there', retryAfterS: 30, detail: keyAway },
  { code: 'store_unreachable', status: 503, title: 'The store is away', retryAfterS: 2, detail: storeAway },
  { code: 'store_not_migrated', status: 503, title: 'The store is away', retryAfterS: 2, detail: storeAway },
] as const satisfies readonly ProblemRow[];

const internalError: ProblemRow = {
  code: 'internal_error',
  status: 500,
  title: 'An error on our side',
  detail: ourFault,
};

const byCode = new Map<string, ProblemRow>(rows.map((row) => [row.code, row]));

/** The row of an error code; one that is not listed is our own mistake, of which nothing is shown. */
export const problemRowOf = (code: string): ProblemRow => byCode.get(code) ?? internalError;
