type Look = 'good' | 'info' | 'warn' | 'bad' | 'calm';

/** How each state of a lane, a delivery, a destination or a replay looks, and what it is called. */
const looks: Readonly<Record<string, readonly [Look, string]>> = {
  delivered: ['good', 'Delivered'],
  ok: ['good', 'OK'],
  Delivering: ['good', 'Delivering'],
  done: ['good', 'Done'],
  enabled: ['good', 'Enabled'],
  active: ['good', 'Active'],
  sending: ['info', 'Sending'],
  queued: ['info', 'Queued'],
  running: ['info', 'Running'],
  Retrying: ['warn', 'Retrying'],
  retrying: ['warn', 'Retrying'],
  waiting: ['warn', 'Waiting'],
  Waiting: ['warn', 'Waiting'],
  paused: ['warn', 'Paused'],
  Paused: ['warn', 'Paused'],
  stalled: ['warn', 'Stalled'],
  tooMany: ['warn', 'Too many'],
  tooLong: ['warn', 'Took too long'],
  unknown: ['warn', 'Outcome unknown'],
  partly: ['warn', 'Partly'],
  blocked: ['warn', 'Blocked'],
  suspended: ['bad', 'Suspended'],
  Suspended: ['bad', 'Suspended'],
  parked: ['bad', 'Dead letter'],
  Parked: ['bad', 'Dead letters'],
  failed: ['bad', 'Failed'],
  discarded: ['calm', 'Discarded'],
  expired: ['calm', 'Expired'],
  skipped: ['calm', 'Skipped'],
  disabled: ['calm', 'Disabled'],
  cancelled: ['calm', 'Cancelled'],
  revoked: ['calm', 'Revoked'],
  ended: ['calm', 'Ended'],
  closed: ['calm', 'Closed'],
  idle: ['calm', 'Idle'],
};

/** A state, by its word; the colour only repeats it. */
export function Status({ of }: { of: string }) {
  const [look, name] = looks[of] ?? (['calm', of] as const);
  return <span className={`badge ${look}`}>{name}</span>;
}
