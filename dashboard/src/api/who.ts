import { createContext, useContext } from 'react';
import type { Session } from './types.ts';

export const SessionContext = createContext<Session | undefined>(undefined);

/** What the one who is signed in may do. For pages inside of the layout. */
export type Who = Session & {
  isPortal: boolean;
  mayManage: boolean;
  mayReplay: boolean;
  maySeeOperators: boolean;
};

export function useWho(): Who {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useWho is for pages that need a session.');
  const isPortal = session.kind === 'portal';
  const manages = session.scopes.includes('manage');
  const permits = (permission: 'manage_destinations' | 'replay') => session.permissions?.includes(permission) === true;
  return {
    ...session,
    isPortal,
    mayManage: isPortal ? permits('manage_destinations') : manages,
    mayReplay: isPortal ? permits('replay') : manages,
    maySeeOperators: !isPortal && manages,
  };
}
