import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiProblem, problemOf } from '../api/client.ts';

type AlertProps = { kind: 'good' | 'info' | 'warn' | 'bad'; title?: ReactNode; children?: ReactNode };

/** Something to be told apart from the rest of the page. */
export const Alert = ({ kind, title, children }: AlertProps) => (
  <div className={`alert ${kind}`}>
    {title !== undefined && <strong>{title}</strong>}
    {children}
  </div>
);

/** What an error says, what it says of each field, and what to do next. Read out at once. */
export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, detail, errors, status } = problemOf(error);
  const requestId = error instanceof ApiProblem && status >= 500 ? error.requestId : undefined;
  return (
    <div role="alert" className="alert bad stack-small" tabIndex={-1} data-problem>
      <div>
        <strong>{title}</strong>
        {errors === undefined && <span className="wrap">{detail}</span>}
        {errors !== undefined && (
          <ul>
            {errors.map(({ field, problem, expected }) => (
              <li key={field + problem}>
                <code>{field || 'the request'}</code> {problem}: expected {expected}
              </li>
            ))}
          </ul>
        )}
        {requestId !== undefined && <span className="small"> Request id: {requestId}</span>}
      </div>
      {onRetry && (
        <div>
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

/** Where there is nothing to show: why, and what to do next. */
export const Empty = ({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) => (
  <div className="empty">
    <strong>{title}</strong>
    {children !== undefined && <p>{children}</p>}
    {action}
  </div>
);
