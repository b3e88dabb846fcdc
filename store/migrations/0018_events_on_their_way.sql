-- Events that were sent to their lanes and not yet stored when an API process saw that those lanes are to change: one that is sent
-- again meanwhile must not go into another. docs/decisions/lane-change.md
create table events_on_their_way (
  event_id uuid not null,
  workflow_id text not null,
  seen_at timestamptz not null default now(),
  primary key (event_id, workflow_id)
);
