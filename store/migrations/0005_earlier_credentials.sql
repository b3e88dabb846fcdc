-- Who may still send with credentials that were replaced: docs/decisions/rotation.md. The credentials themselves are gone.
create table workers (
  id text primary key,
  -- A worker that has not said before then that it runs is dead.
  until timestamptz not null
);

create table earlier_credentials (
  worker_id text not null references workers (id) on delete cascade,
  destination_id text not null,
  -- The version that has the new ones.
  before_version integer not null,
  replaced_at timestamptz not null default now(),
  primary key (worker_id, destination_id)
);

create index earlier_credentials_by_destination on earlier_credentials (destination_id);
