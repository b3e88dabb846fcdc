import { Button } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../../api/client.ts';
import { usePaged } from '../../api/paged.ts';
import type { MadePortalLink, PortalLink, PortalLinkPage } from '../../api/types.ts';
import { Confirm } from '../../pieces/confirm.tsx';
import { useNotice } from '../../pieces/notices.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { ShownOnce } from '../../pieces/shownOnce.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';
import { NewPortalLink, permissionNames } from './newPortalLink.tsx';

const stateOf = ({ deletedAt, expiresAt }: PortalLink): string => {
  if (deletedAt !== undefined) return 'closed';
  return Date.parse(expiresAt) <= Date.now() ? 'ended' : 'active';
};

const columnsWith = (remove: (link: PortalLink) => void): readonly Column<PortalLink>[] => [
  {
    name: 'Customer',
    isHead: true,
    cell: ({ customerExternalId, name, id }) => (
      <>
        <b>{customerExternalId}</b>
        {name !== undefined && <div>{name}</div>}
        <div className="dim small mono">{id}</div>
      </>
    ),
  },
  { name: 'State', cell: (link) => <Status of={stateOf(link)} /> },
  { name: 'May', cell: ({ permissions }) => permissions.map((one) => permissionNames[one]).join(', ') },
  { name: 'Ends', cell: ({ expiresAt }) => <Time at={expiresAt} /> },
  {
    name: 'Actions',
    cell: (link) =>
      stateOf(link) === 'active' && (
        <Button
          size="xs"
          variant="default"
          aria-label={`Close the link of ${link.customerExternalId}`}
          onClick={() => remove(link)}
        >
          Close
        </Button>
      ),
  },
];

/** Links that open these pages for one customer. */
export default function PortalLinks() {
  const notice = useNotice();
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<MadePortalLink>();
  const [closing, setClosing] = useState<PortalLink>();
  const list = usePaged<PortalLink, PortalLinkPage>('/v1/portal-links', { rowsOf: (page) => page.portalLinks });
  const create = <Button onClick={() => setMaking(true)}>Create a portal link</Button>;
  const close = async () => {
    await ask(`/v1/portal-links/${closing?.id}`, { method: 'DELETE' });
    notice('The link is closed, and so is every page that it opened.');
  };
  return (
    <Page
      title="Portal links"
      lead="A link opens these pages for one customer: their destinations and deliveries, and nobody else's."
      actions={create}
    >
      <div className="stack">
        {made !== undefined && (
          <ShownOnce
            title={`The link for ${made.customerExternalId}`}
            label="the portal link"
            text={made.url}
            onClose={() => setMade(undefined)}
          >
            Send it to the customer over a way that only they read: whoever has it, is let in.
          </ShownOnce>
        )}
        <PagedTable
          caption="portal links"
          columns={columnsWith(setClosing)}
          list={list}
          keyOf={({ id }) => id}
          empty={
            <Empty title="No portal link yet" action={create}>
              Your service makes them with <code>POST /v1/portal-links</code>; here you make one by hand.
            </Empty>
          }
        />
      </div>
      {isMaking && <NewPortalLink onMade={setMade} onClose={() => setMaking(false)} />}
      {closing !== undefined && (
        <Confirm
          title={`Close the link of ${closing.customerExternalId}`}
          confirm="Close it"
          danger
          onConfirm={close}
          onClose={() => setClosing(undefined)}
        >
          <p>It lets nobody in any more, and whoever it let in is signed out.</p>
        </Confirm>
      )}
    </Page>
  );
}
