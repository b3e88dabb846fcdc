-- docs/decisions/dashboard-sessions.md. Links by which a customer comes to their own destinations.
create table portal_links (
  id text primary key,
  -- Order of creation: what the list is paged by.
  seq bigint generated always as identity unique,
  -- SHA-256 of the token: the token itself is nowhere.
  digest bytea not null unique check (length(digest) = 32),
  customer_external_id text not null,
  permissions text[] not null check (permissions <@ '{read,manage_destinations,replay}'::text[] and cardinality(permissions) > 0),
  name text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  deleted_at timestamptz
);

create index portal_links_by_end on portal_links (expires_at);

-- Who is signed in to the dashboard: with an API key, or by a portal link.
create table dashboard_sessions (
  -- SHA-256 of what the cookie holds.
  digest bytea primary key check (length(digest) = 32),
  -- Of the API key that was shown. The session holds as long as a key with this digest does.
  key_digest bytea check (length(key_digest) = 32),
  link_id text references portal_links (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check ((key_digest is null) <> (link_id is null))
);

create index dashboard_sessions_by_key on dashboard_sessions (key_digest) where key_digest is not null;
create index dashboard_sessions_by_link on dashboard_sessions (link_id) where link_id is not null;
create index dashboard_sessions_by_end on dashboard_sessions (expires_at);

-- Through what a change was asked for: the dashboard, a portal link; null with an API key itself.
alter table audit_log add column via text;
