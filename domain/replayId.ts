/** What a replay is called, by lanes and by people. */

/**
 * The id of a replay that is begun by hand under a name, which may be used again: of the run that begins it, too. A person knows it by
 * its name.
 */
export const replayIdOf = (name: string, runId: string): string => `${name}--${runId.slice(0, 8)}`;
export const replayNameOf = (id: string): string => id.replace(/--[0-9a-f]{8}$/, '');
/** A lane takes nothing of a replay with another id. */
export const isReplayId = (id: unknown): id is string => typeof id === 'string' && /^[\w-]{1,40}$/.test(id);
