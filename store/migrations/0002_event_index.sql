-- The way from an event's id to the lanes that carry it: docs/decisions/event-index.md.
create table event_index (
  event_id uuid not null,
  run_id uuid not null,
  accepted_at timestamptz not null,
  -- The day of accepted_at in UTC: one partition a day, so that old rows go by dropping a table.
  accepted_on date not null,
  workflow_id text not null,
  -- A run belongs to one workflow, whose id would make the index half as large again.
  primary key (event_id, run_id, accepted_on)
) partition by range (accepted_on);
