import { useState } from 'react';
import type { MadeApiKey } from '../../api/types.ts';
import { CheckField, TextField } from '../../pieces/form.tsx';
import { isoOf } from '../../pieces/localTime.ts';
import { Making } from '../../pieces/making.tsx';

const scopes = [
  { scope: 'ingest', label: 'ingest', hint: 'Send events.' },
  { scope: 'read', label: 'read', hint: 'See all but API keys and the audit trail.' },
  { scope: 'manage', label: 'manage', hint: 'Change destinations, replay, pause; API keys and the audit trail.' },
] as const;

/** Asks for what a new API key needs, and makes it. */
export function NewApiKey({ onMade, onClose }: { onMade: (made: MadeApiKey) => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>(['ingest']);
  const [expiresAt, setExpiresAt] = useState('');
  const [perSecond, setPerSecond] = useState('');
  const body = () => ({
    name,
    scopes: chosen,
    ...(expiresAt !== '' && { expiresAt: isoOf(expiresAt) }),
    ...(perSecond !== '' && { requestsPerSecond: Number(perSecond) }),
  });
  return (
    <Making title="Create an API key" path="/v1/api-keys" body={body} onMade={onMade} onClose={onClose}>
      <TextField
        name="name"
        label="Name"
        hint="Who has it: in logs, histories and the audit trail."
        value={name}
        onChange={setName}
        required
      />
      <fieldset className="group stack-small">
        <legend>It may</legend>
        {scopes.map(({ scope, label, hint }) => (
          <CheckField
            key={scope}
            label={label}
            hint={hint}
            checked={chosen.includes(scope)}
            onChange={(is) => setChosen(is ? [...chosen, scope] : chosen.filter((one) => one !== scope))}
          />
        ))}
      </fieldset>
      <div className="fields-2">
        <TextField
          name="expiresAt"
          type="datetime-local"
          label="Ends (your time zone)"
          hint="Empty: it holds until it is revoked."
          value={expiresAt}
          onChange={setExpiresAt}
        />
        <TextField
          name="requestsPerSecond"
          type="number"
          label="Requests a second"
          hint="Empty: as many as it likes."
          value={perSecond}
          onChange={setPerSecond}
        />
      </div>
    </Making>
  );
}
