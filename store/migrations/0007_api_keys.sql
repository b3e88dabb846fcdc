-- docs/decisions/api-keys.md. The defaults are for a process of the version before this one, whose keys may do all.
alter table api_keys
  add column id text not null default 'key_' || replace(gen_random_uuid()::text, '-', ''),
  -- Order of creation: what the list is paged by.
  add column seq bigint generated always as identity,
  add column scopes text[] not null default '{ingest,read,manage}'
    check (scopes <@ '{ingest,read,manage}'::text[] and cardinality(scopes) > 0),
  add column expires_at timestamptz,
  add column revoked_at timestamptz,
  add column rotated_at timestamptz,
  -- The digest before the last rotation, which holds until then.
  add column earlier_digest bytea check (length(earlier_digest) = 32),
  add column earlier_until timestamptz;

create unique index api_keys_by_id on api_keys (id);

-- Digests that were rotated away: an API that starts with such a key in its environment must not make it a key again.
create table api_key_former_digests (
  digest bytea primary key check (length(digest) = 32)
);

-- In a table of its own: a change of api_keys makes every process read all keys again.
create table api_key_uses (
  key_id text primary key references api_keys (id) on delete cascade,
  last_used_at timestamptz not null
);
