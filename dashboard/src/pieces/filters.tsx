import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import { useSearchParams } from 'wouter';
import { withoutPlace } from '../api/paged.ts';
import { isOfSession } from '../api/session.ts';
import { Empty } from './problem.tsx';

/** The filters of a page, as its address has them: it can be sent to somebody, and "back" goes back. */
export function useFilters<Name extends string>(names: readonly Name[]) {
  const [params, setParams] = useSearchParams();
  // The keys are just those: Object.fromEntries has no type that says so.
  const filters = Object.fromEntries(names.map((name) => [name, params.get(name) ?? ''])) as Record<Name, string>;
  const setFilters = (change: Partial<Record<Name, string>>) =>
    setParams((before) => {
      const after = withoutPlace(before);
      for (const name of names) {
        const value = change[name];
        if (value === '') after.delete(name);
        else if (value !== undefined) after.set(name, value);
      }
      return after;
    });
  return { filters, setFilters };
}

/** Whether anything is looked for. */
export const isFiltered = (filters: Readonly<Record<string, string>>): boolean =>
  Object.values(filters).some((value) => value !== '');

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

type FiltersProps<Name extends string> = {
  label: string;
  of: ReturnType<typeof useFilters<Name>>;
  children: (draft: Record<Name, string>, set: (name: Name) => (value: string) => void) => ReactNode;
  submit?: string;
};

/** They hold when they are sent, not at each key: Temporal is asked sparingly. */
export function Filters<Name extends string>({ label, of, children, submit = 'Search' }: FiltersProps<Name>) {
  const { filters, setFilters } = of;
  const [draft, setDraft] = useState(filters);
  const [shown, setShown] = useState(filters);
  const client = useQueryClient();
  if (!isSame(shown, filters)) {
    setShown(filters); // The address has changed: "back", or a link.
    setDraft(filters);
  }
  const form = useRef<HTMLFormElement>(null);
  const clear = () => {
    const none = Object.fromEntries(Object.keys(filters).map((name) => [name, ''])) as Record<Name, string>;
    setFilters(none);
    // The button that was pressed is gone with what it clears.
    form.current?.querySelector<HTMLElement>('input, select')?.focus();
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    // Pressed again, it means: look again.
    if (isSame(draft, filters))
      void client.refetchQueries({ type: 'active', predicate: (query) => !isOfSession(query) });
    else setFilters(draft);
  };
  return (
    <search>
      <form ref={form} className="filters" aria-label={label} noValidate onSubmit={send}>
        {children(draft, (name) => (value) => setDraft((before) => ({ ...before, [name]: value })))}
        <div className="row">
          <Button type="submit">{submit}</Button>
          {isFiltered(filters) && (
            <Button variant="default" onClick={clear}>
              Clear
            </Button>
          )}
        </div>
      </form>
    </search>
  );
}

type NoMatchProps<Name extends string> = {
  /** What was looked for, for example "destination". */
  what: string;
  filters: Record<Name, string>;
  /** As the form calls them. */
  labels: Readonly<Record<Name, string>>;
};

/** Where a search found nothing, and there may be something without it. */
export function NoMatch<Name extends string>({ what, filters, labels }: NoMatchProps<Name>) {
  const names = Object.keys(filters) as Name[]; // Object.keys has no type that says so.
  const lookedFor = names.filter((name) => filters[name] !== '').map((name) => `${labels[name]} “${filters[name]}”`);
  return <Empty title={`No ${what} matches`}>Looked for: {lookedFor.join(', ')}. Clear the search to see all.</Empty>;
}
