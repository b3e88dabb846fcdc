import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useSignIn } from '../api/session.ts';
import { useWho, type Who } from '../api/who.ts';
import { Mark } from './mark.tsx';
import { SchemeSwitch } from './scheme.tsx';

type Entry = { to: string; name: string; isFor?: (who: Who) => boolean; apart?: true };

const isOperator = ({ isPortal }: Who): boolean => !isPortal;

const entries: readonly Entry[] = [
  { to: '/overview', name: 'Overview' },
  { to: '/destinations', name: 'Destinations' },
  { to: '/deliveries', name: 'Deliveries' },
  { to: '/dead-letters', name: 'Dead letters' },
  { to: '/replays', name: 'Replays' },
  { to: '/event-types', name: 'Event types', apart: true, isFor: isOperator },
  { to: '/audit', name: 'Audit trail', isFor: (who) => who.maySeeOperators },
  { to: '/api-keys', name: 'API keys', isFor: (who) => who.maySeeOperators },
  { to: '/portal-links', name: 'Portal links', isFor: (who) => who.maySeeOperators },
];

/** What is around every page: who is signed in, and the way to the others. */
export function Shell({ children }: { children: ReactNode }) {
  const who = useWho();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="head">
        <Link className="brand" href="/overview">
          <Mark />
          Causeway
        </Link>
        <span className="who">{who.isPortal ? `Customer ${who.customerExternalId}` : `API key “${who.name}”`}</span>
        <div className="row end">
          <SchemeSwitch />
          <SignOut />
          <Button
            className="menu-button"
            size="xs"
            variant="default"
            aria-expanded={isOpen}
            aria-controls="nav"
            onClick={() => setOpen(!isOpen)}
          >
            Menu
          </Button>
        </div>
      </header>
      <nav id="nav" className={isOpen ? 'nav is-open' : 'nav'} aria-label="Pages">
        <ul>
          {entries
            .filter(({ isFor }) => isFor?.(who) ?? true)
            .map((entry) => (
              <NavItem key={entry.to} entry={entry} onGo={() => setOpen(false)} />
            ))}
        </ul>
      </nav>
      <main id="main" className="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function NavItem({ entry: { to, name, apart }, onGo }: { entry: Entry; onGo: () => void }) {
  const [path] = useLocation();
  const isHere = path === to || path.startsWith(`${to}/`);
  return (
    <li className={apart ? 'apart' : undefined}>
      <Link href={to} aria-current={isHere ? 'page' : undefined} onClick={onGo}>
        {name}
      </Link>
    </li>
  );
}

function SignOut() {
  const { signOut } = useSignIn();
  const [busy, setBusy] = useState(false);
  const go = () => {
    setBusy(true);
    signOut().catch(() => setBusy(false));
  };
  return (
    <Button size="xs" variant="default" loading={busy} onClick={go}>
      Sign out
    </Button>
  );
}
