import { useWho } from '../api/who.ts';

/** The workflow of a lane: a link to the Temporal UI, where there is one. A customer sees neither. */
export function Workflow({ id, runId }: { id: string; runId?: string | undefined }) {
  const { temporalUi, isPortal } = useWho();
  if (isPortal) return undefined;
  if (temporalUi === undefined) return <code>{id}</code>;
  const run = runId === undefined ? '' : `/${encodeURIComponent(runId)}/history`;
  return (
    <a href={`${temporalUi}/${encodeURIComponent(id)}${run}`} target="_blank" rel="noreferrer" className="mono">
      {id} <span className="sr">(in the Temporal UI, a new tab)</span>
    </a>
  );
}
