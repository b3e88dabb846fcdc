import { useState } from 'react';
import type { MadePortalLink, Permission } from '../../api/types.ts';
import { CheckField, SelectField, TextField } from '../../pieces/form.tsx';
import { Making } from '../../pieces/making.tsx';

export const permissionNames: Readonly<Record<Permission, string>> = {
  read: 'see',
  manage_destinations: 'change destinations',
  replay: 'replay and discard',
};

const lifetimes = [
  { value: '3600', label: 'an hour' },
  { value: '28800', label: '8 hours' },
  { value: '86400', label: 'a day' },
  { value: '604800', label: '7 days' },
];

/** Asks for what a portal link needs, and makes it. */
export function NewPortalLink({ onMade, onClose }: { onMade: (made: MadePortalLink) => void; onClose: () => void }) {
  const [customerExternalId, setCustomer] = useState('');
  const [lifetime, setLifetime] = useState('3600');
  const [permissions, setPermissions] = useState<readonly Permission[]>(['read', 'manage_destinations', 'replay']);
  const toggle = (permission: Permission) => (is: boolean) =>
    setPermissions(is ? [...permissions, permission] : permissions.filter((one) => one !== permission));
  const body = () => ({ customerExternalId, lifetimeSeconds: Number(lifetime), permissions });
  return (
    <Making title="Create a portal link" path="/v1/portal-links" body={body} onMade={onMade} onClose={onClose}>
      <TextField
        name="customerExternalId"
        label="Customer"
        hint="Whose destinations and deliveries it shows."
        value={customerExternalId}
        onChange={setCustomer}
        required
      />
      <SelectField
        name="lifetimeSeconds"
        label="It holds for"
        value={lifetime}
        onChange={setLifetime}
        options={lifetimes}
      />
      <fieldset className="group stack-small">
        <legend>Beside seeing, it may</legend>
        <CheckField
          label="change destinations"
          hint="Create, edit, test, rotate, pause and delete their own."
          checked={permissions.includes('manage_destinations')}
          onChange={toggle('manage_destinations')}
        />
        <CheckField
          label="replay and discard"
          hint="Their own dead letters, and what was delivered to them."
          checked={permissions.includes('replay')}
          onChange={toggle('replay')}
        />
      </fieldset>
    </Making>
  );
}
