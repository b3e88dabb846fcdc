-- Requests for a replay or discard that have a key, for a day: docs/decisions/interventions.md. What became of events is in Temporal alone.
create table interventions (
  -- The API key's name and the idempotency key.
  request_key text primary key,
  -- Of all that is asked for: another request with the same key is refused.
  request_digest text not null,
  -- The lanes that are told, and of which events.
  told jsonb not null,
  -- Null until each of them has been told.
  lanes integer,
  asked_at timestamptz not null default now()
);

create index interventions_by_time on interventions (asked_at);
