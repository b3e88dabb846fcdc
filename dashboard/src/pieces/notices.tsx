import { CloseButton } from '@mantine/core';
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react';

type Notice = { id: number; text: string };
const NoticeContext = createContext<(text: string) => void>(() => {});

/** Says that something was done: `useNotice()('Paused.')`. */
export const useNotice = () => useContext(NoticeContext);

const shownMs = 8_000;
let lastId = 0;

/** Shows what was done for some seconds, and has it read out. */
export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const drop = useCallback((id: number) => setNotices((all) => all.filter((one) => one.id !== id)), []);
  const add = useCallback(
    (text: string) => {
      const id = ++lastId;
      setNotices((all) => [...all.slice(-2), { id, text }]);
      setTimeout(() => drop(id), shownMs);
    },
    [drop],
  );
  return (
    <NoticeContext value={add}>
      {children}
      <div className="notices" role="status" aria-live="polite">
        {notices.map(({ id, text }) => (
          <div key={id} className="alert good">
            <span>{text}</span>
            <CloseButton size="sm" aria-label="Close this notice" onClick={() => drop(id)} />
          </div>
        ))}
      </div>
    </NoticeContext>
  );
}
