import { type ReactNode, useEffect, useRef } from 'react';

type PageProps = { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode };

/** Whether a page was shown before: then focus goes to the heading, so that a screen reader says where one has come. */
let wasShown = false;

/** A page: its heading, what it is for, what can be done, and its content. */
export function Page({ title, lead, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Causeway`;
  }, [title]);
  useEffect(() => {
    if (wasShown) heading.current?.focus();
    wasShown = true;
  }, []);
  return (
    <>
      <div className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1} className="wrap">
            {title}
          </h1>
          {lead !== undefined && <div className="lead">{lead}</div>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </div>
      {children}
    </>
  );
}

/** A part of a page with a heading of its own. */
export function Card({ title, actions, children }: { title?: string; actions?: ReactNode; children: ReactNode }) {
  if (title === undefined) return <section className="card">{children}</section>;
  return (
    <section className="card stack-small" aria-label={title}>
      <div className="row">
        <h2>{title}</h2>
        {actions !== undefined && (
          <div className="row row-end" style={{ flex: 1 }}>
            {actions}
          </div>
        )}
      </div>
      {children}
    </section>
  );
}

/** Names and values. What has no value is left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
        .map(([name, value]) => (
          <FactRow key={name} name={name} value={value} />
        ))}
    </dl>
  );
}

const FactRow = ({ name, value }: { name: string; value: ReactNode }) => (
  <>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </>
);
