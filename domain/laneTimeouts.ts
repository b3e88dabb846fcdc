/**
 * How long Temporal waits for a worker that says nothing, before it gives what that had to another one; in ms. Short where the lane's worker has
 * time to spare: on a machine that has none, replays that don't get through in time are begun again and again. docs/decisions/killed-workers.md
 */
export type LaneTimeouts = {
  /** For a workflow task that a worker has taken; fixed for a run when it is started. */
  workflowTaskMs: number;
  /** For the next heartbeat of a batch; Temporal tries it again about a second later. */
  heartbeatMs: number;
};

const usual: LaneTimeouts = { workflowTaskMs: 5_000, heartbeatMs: 4_000 };
const shorter: LaneTimeouts = { workflowTaskMs: 2_000, heartbeatMs: 1_800 };

/** Those of a lane whose worker is calm, by its own word with the last batch, and of any other. */
export const laneTimeouts = (isCalm: boolean): LaneTimeouts => (isCalm ? shorter : usual);

/** A run that was started with the longer ones gives way to one with the shorter once it has so many events, and not only when it is full. */
export const quickerAtEvents = 60;
