-- What the dashboard counts: docs/decisions/counts.md. Sums alone; what became of an event is in Temporal.
create table traffic (
  -- '' stands for all of them together.
  destination_id text not null,
  -- How long the time is that a row is about: a minute, kept for a day, or half an hour, kept for eight.
  step_seconds integer not null,
  at timestamptz not null,
  accepted bigint not null default 0,
  delivered bigint not null default 0,
  parked bigint not null default 0,
  failed_tries bigint not null default 0,
  primary key (destination_id, step_seconds, at)
);
create index traffic_by_time on traffic (step_seconds, at);

create table event_types (
  customer_external_id text not null,
  event_type text not null,
  -- An hour, kept for a day, or a day, kept for eight; 0: all of it.
  step_seconds integer not null,
  at timestamptz not null,
  accepted bigint not null default 0,
  last_at timestamptz not null,
  primary key (customer_external_id, event_type, step_seconds, at)
);
create index event_types_by_time on event_types (step_seconds, at);

-- Lanes as the last sample saw them, of destinations some of whose lanes do not simply deliver.
create table destination_health (
  destination_id text primary key,
  state text not null,
  dead_letters bigint not null,
  -- How many lanes are in each state, but for those that deliver.
  lanes jsonb not null,
  error jsonb,
  since timestamptz
);
create index destination_health_by_state on destination_health (state);

create table gauges (
  -- '' stands for all of them together.
  destination_id text not null,
  step_seconds integer not null,
  at timestamptz not null,
  dead_letters bigint not null,
  waiting bigint not null,
  suspended bigint not null,
  primary key (destination_id, step_seconds, at)
);
create index gauges_by_time on gauges (step_seconds, at);

-- One row: which API process asks Temporal for all of them, until when, and what it saw last.
create table sampler (
  only_one boolean primary key default true check (only_one),
  holder text not null,
  until timestamptz not null,
  sampled_at timestamptz,
  seen jsonb
);
