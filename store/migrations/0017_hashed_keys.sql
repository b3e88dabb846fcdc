-- The key by which names of lanes and customers are hashed in Temporal, sealed like credentials: docs/decisions/hashed-keys.md.
create table hash_key (
  is_there boolean primary key default true check (is_there),
  sealed text not null,
  made_at timestamptz not null default now()
);
-- Whether a destination's lanes have hashed names; it never turns back.
alter table destinations add column hashes_keys boolean not null default false;
