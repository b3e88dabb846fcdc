-- Who changed what, when, from where: docs/decisions/audit.md. Nothing of ours changes or deletes a row.
create table audit_log (
  seq bigint generated always as identity primary key,
  at timestamptz not null default now(),
  action text not null,
  -- The id of what it was done to.
  subject text not null,
  -- Names of fields, counts, reasons: never a secret, nor an event.
  detail jsonb not null,
  -- The API key, by the name that it had; absent where none was asked for, as at the start of a process.
  key_id text,
  key_name text not null,
  address text,
  request_id text
);

create index audit_log_by_subject on audit_log (subject, seq);
