import { AreaField } from './form.tsx';

const hint = "Why: it is kept in Temporal's history and in the audit trail.";
const lockedHint =
  'It stays as it was sent: what was begun is completed with it. For another one, close this and begin anew.';

/** Why an operator does it. `isLocked`: the deed may have been begun, and the same one is asked for again. */
export function ReasonField(props: { value: string; onChange: (reason: string) => void; isLocked?: boolean }) {
  const { value, onChange, isLocked = false } = props;
  return (
    <AreaField
      name="reason"
      label="Reason"
      hint={isLocked ? lockedHint : hint}
      rows={2}
      value={value}
      onChange={onChange}
      disabled={isLocked}
    />
  );
}
