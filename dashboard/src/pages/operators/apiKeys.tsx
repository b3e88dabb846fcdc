import { Button } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../../api/client.ts';
import { usePaged } from '../../api/paged.ts';
import type { ApiKey, ApiKeyPage, MadeApiKey } from '../../api/types.ts';
import { Confirm } from '../../pieces/confirm.tsx';
import { SelectField } from '../../pieces/form.tsx';
import { number } from '../../pieces/format.ts';
import { useNotice } from '../../pieces/notices.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { ShownOnce } from '../../pieces/shownOnce.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';
import { NewApiKey } from './newApiKey.tsx';

type Deed = { what: 'rotate' | 'revoke'; key: ApiKey };

const stateOf = ({ revokedAt, expiresAt }: ApiKey): string => {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? 'ended' : 'active';
};

const columnsWith = (begin: (deed: Deed) => void): readonly Column<ApiKey>[] => [
  {
    name: 'Name',
    isHead: true,
    cell: ({ id, name }) => (
      <>
        <b>{name}</b>
        <div className="dim small mono">{id}</div>
      </>
    ),
  },
  {
    name: 'State',
    cell: (key) => (
      <>
        <Status of={stateOf(key)} />
        {key.earlierUntil !== undefined && Date.parse(key.earlierUntil) > Date.now() && (
          <div className="dim small">
            The key before holds until <Time at={key.earlierUntil} inline />
          </div>
        )}
      </>
    ),
  },
  {
    name: 'May',
    cell: ({ scopes, requestsPerSecond }) => (
      <>
        {scopes.join(', ')}
        {requestsPerSecond !== undefined && (
          <div className="dim small">{number(requestsPerSecond)} requests a second</div>
        )}
      </>
    ),
  },
  { name: 'Last used', cell: ({ lastUsedAt }) => <Time at={lastUsedAt} /> },
  { name: 'Ends', cell: ({ expiresAt }) => <Time at={expiresAt} /> },
  {
    name: 'Actions',
    cell: (key) =>
      key.revokedAt === undefined && (
        <div className="row">
          <Button
            size="xs"
            variant="default"
            aria-label={`Rotate ${key.name}`}
            onClick={() => begin({ what: 'rotate', key })}
          >
            Rotate
          </Button>
          <Button
            size="xs"
            variant="default"
            aria-label={`Revoke ${key.name}`}
            onClick={() => begin({ what: 'revoke', key })}
          >
            Revoke
          </Button>
        </div>
      ),
  },
];

/** Who may ask the API for what. */
export default function ApiKeys() {
  const [deed, setDeed] = useState<Deed>();
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<MadeApiKey>();
  const list = usePaged<ApiKey, ApiKeyPage>('/v1/api-keys', { rowsOf: (page) => page.apiKeys });
  const create = <Button onClick={() => setMaking(true)}>Create an API key</Button>;
  return (
    <Page title="API keys" lead="Who may ask the API for what. A key is shown once, when it is made." actions={create}>
      <div className="stack">
        {made !== undefined && (
          <ShownOnce
            title={`The new key of “${made.name}”`}
            label="the API key"
            text={made.key}
            onClose={() => setMade(undefined)}
          >
            Put it where its service reads it. Only its digest is kept: lost, it is rotated.
          </ShownOnce>
        )}
        <PagedTable
          caption="API keys"
          columns={columnsWith(setDeed)}
          list={list}
          keyOf={({ id }) => id}
          empty={<Empty title="No API key">The one of the installation is not listed.</Empty>}
        />
      </div>
      {isMaking && <NewApiKey onMade={setMade} onClose={() => setMaking(false)} />}
      {deed?.what === 'rotate' && <Rotate apiKey={deed.key} onMade={setMade} onClose={() => setDeed(undefined)} />}
      {deed?.what === 'revoke' && <Revoke apiKey={deed.key} onClose={() => setDeed(undefined)} />}
    </Page>
  );
}

const overlaps = [
  { value: '86400', label: 'a day' },
  { value: '604800', label: '7 days' },
  { value: '3600', label: 'an hour' },
  { value: '0', label: 'no longer: somebody else may have it' },
];

type RotateProps = { apiKey: ApiKey; onMade: (made: MadeApiKey) => void; onClose: () => void };

function Rotate({ apiKey: { id, name }, onMade, onClose }: RotateProps) {
  const [overlap, setOverlap] = useState('86400');
  const rotate = async () => {
    const body = { overlapSeconds: Number(overlap) };
    onMade(await ask<MadeApiKey>(`/v1/api-keys/${id}/rotate`, { method: 'POST', body }));
  };
  return (
    <Confirm title={`Rotate “${name}”`} confirm="Make its new key" onConfirm={rotate} onClose={onClose}>
      <p>It gets a new key, which is shown once. Both hold for a while, so that its service can change over.</p>
      <SelectField
        name="overlapSeconds"
        label="The key of now holds for"
        value={overlap}
        onChange={setOverlap}
        options={overlaps}
      />
    </Confirm>
  );
}

function Revoke({ apiKey: { id, name }, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const notice = useNotice();
  const revoke = async () => {
    await ask(`/v1/api-keys/${id}`, { method: 'DELETE' });
    notice(`“${name}” is revoked.`);
  };
  return (
    <Confirm title={`Revoke “${name}”`} confirm="Revoke it" danger onConfirm={revoke} onClose={onClose}>
      <p>It opens nothing any more, for good, and whoever is signed in with it is signed out. What was done stays.</p>
    </Confirm>
  );
}
