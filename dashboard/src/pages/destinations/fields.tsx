import type { ReactNode } from 'react';
import { AreaField, CheckField, SecretField, SelectField, TextField } from '../../pieces/form.tsx';
import { type AuthField, authFieldsOf, type Draft, modeNames, modeOf, type SecretName } from './draft.ts';

type FieldsProps = {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  /** Secrets that are stored: leaving their fields empty keeps them. */
  secretsSet?: readonly SecretName[];
};

const Group = ({ title, children }: { title: string; children: ReactNode }) => (
  <fieldset className="group card">
    <legend>{title}</legend>
    <div className="stack">{children}</div>
  </fieldset>
);

/** What a destination is, beside who it authenticates as. */
export function DestinationFields({ draft, set, asks }: FieldsProps & { asks: 'customer' | 'nothing' }) {
  return (
    <Group title="What it is">
      <div className="fields-2">
        <TextField
          name="name"
          label="Name"
          hint="For people."
          value={draft.name}
          onChange={(name) => set({ name })}
          required
        />
        {asks === 'customer' && (
          <TextField
            name="customerExternalId"
            label="Customer"
            hint="Whose events it gets. It stays as it is."
            value={draft.customerExternalId}
            onChange={(customerExternalId) => set({ customerExternalId })}
            required
          />
        )}
        <TextField
          name="topic"
          label="Topic"
          hint="It must exist; Causeway needs WRITE on it and nothing else."
          value={draft.topic}
          onChange={(topic) => set({ topic })}
          required
        />
      </div>
      <AreaField
        name="brokers"
        label="Brokers"
        hint="host:port, one a line. Where the cluster is asked for its other brokers."
        value={draft.brokers}
        onChange={(brokers) => set({ brokers })}
        required
      />
      <AreaField
        name="eventTypes"
        label="Event types"
        hint="Patterns, one a line; * stands for any run of characters."
        rows={2}
        value={draft.eventTypes}
        onChange={(eventTypes) => set({ eventTypes })}
      />
    </Group>
  );
}

/** How the brokers are told who we are. */
export function AuthFields({ draft, set, secretsSet = [] }: FieldsProps) {
  const { mode, tls } = draft;
  const pickMode = (text: string) => {
    const picked = modeOf(text);
    set({ mode: picked, tls: picked !== 'NONE' });
  };
  return (
    <Group title="Authentication">
      <SelectField
        name="auth.mode"
        label="Way to authenticate"
        value={mode}
        onChange={pickMode}
        options={Object.entries(modeNames).map(([value, label]) => ({ value, label }))}
      />
      {mode === 'NONE' && <CheckField label="Over TLS" checked={tls} onChange={(isTls) => set({ tls: isTls })} />}
      {authFieldsOf(mode, tls).map((field) => (
        <AuthInput key={field.name} field={field} draft={draft} set={set} secretsSet={secretsSet} />
      ))}
    </Group>
  );
}

type AuthInputProps = FieldsProps & { field: AuthField; secretsSet: readonly SecretName[] };

/** One field of `auth`. What is stored of a secret is never shown. */
export function AuthInput({ field, draft, set, secretsSet }: AuthInputProps) {
  const { name, label, hint, look, isOptional } = field;
  const isStored = secretsSet.some((one) => one === name);
  const isSecret = look === 'secret' || look === 'secretArea';
  const hints = [
    hint,
    isSecret && (isStored ? 'One is stored: empty, it stays.' : 'It is sealed, and never shown again.'),
  ];
  const props = {
    name: `auth.${name}`,
    label: isOptional ? `${label} (optional)` : label,
    hint: hints.filter(Boolean).join(' '),
    value: draft.auth[name] ?? '',
    onChange: (value: string) => set({ auth: { ...draft.auth, [name]: value } }),
    required: isOptional !== true && !isStored,
  };
  if (look === 'line') return <TextField {...props} />;
  if (look === 'secret') return <SecretField {...props} />;
  return <AreaField {...props} rows={4} />;
}

/** What decides order, lanes and requests. Most leave it as it is. */
export function OrderFields({ draft, set, isNew }: FieldsProps & { isNew: boolean }) {
  return (
    <Group title="Order and delivery">
      <div className="fields-2">
        <TextField
          name="partitionKey"
          label="Partition key"
          hint="A path into the event, for example payload.orderId: events with the same value stay in order."
          value={draft.partitionKey}
          onChange={(partitionKey) => set({ partitionKey })}
        />
        <TextField
          name="ordering.lanes"
          label={isNew ? 'Lanes (optional)' : 'Lanes'}
          hint="“key”: a lane for each partition key; a number: keys are spread over so many."
          value={draft.lanes}
          onChange={(lanes) => set({ lanes })}
        />
        <SelectField
          name="onDeadLetter"
          label="When a record is refused for good"
          value={draft.onDeadLetter}
          onChange={(onDeadLetter) => set({ onDeadLetter })}
          options={[
            { value: 'continue', label: 'later events of its key go on' },
            { value: 'block', label: 'later events of its key wait' },
          ]}
        />
        <SelectField
          name="producer.acks"
          label="A record counts as delivered when"
          value={draft.acks}
          onChange={(acks) => set({ acks })}
          options={[
            { value: 'all', label: 'every in-sync replica has it' },
            { value: '1', label: 'the leader has it (records may be lost)' },
          ]}
        />
        <SelectField
          name="producer.compression"
          label="Compression of records"
          value={draft.compression}
          onChange={(compression) => set({ compression })}
          options={['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((value) => ({ value, label: value }))}
        />
        <TextField
          name="producer.lingerMs"
          type="number"
          label="Linger, in ms"
          hint="For how long records are gathered into one request."
          value={draft.lingerMs}
          onChange={(lingerMs) => set({ lingerMs })}
        />
        <TextField
          name="producer.batchSizeBytes"
          type="number"
          label="Batch size, in bytes"
          hint="A request is sent as soon as it holds this much."
          value={draft.batchSizeBytes}
          onChange={(batchSizeBytes) => set({ batchSizeBytes })}
        />
      </div>
      {draft.acks !== 'all' && (
        <CheckField
          label="Records may be lost"
          hint="A record that only a leader had which is gone is lost, and was reported as delivered."
          checked={draft.mayLoseRecords}
          onChange={(mayLoseRecords) => set({ mayLoseRecords })}
        />
      )}
    </Group>
  );
}
