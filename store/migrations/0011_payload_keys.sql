-- Which keys encrypt payloads in Temporal, each by a check value that says nothing of it: docs/decisions/payload-encryption.md.
create table payload_keys (
  key_check text primary key,
  key_id text not null,
  first_used_at timestamptz not null default now(),
  last_used_at timestamptz not null default now()
);
