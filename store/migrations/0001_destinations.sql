create table destinations (
  id text primary key,
  -- Order of creation: what lists are paged by.
  seq bigint generated always as identity unique,
  customer_external_id text not null,
  type text not null,
  name text not null,
  enabled boolean not null,
  event_types text[] not null,
  partition_key text not null,
  -- Null: one lane per partition key.
  lanes integer,
  on_dead_letter text not null,
  -- What only this type has: for KAFKA brokers, topic, producer and the part of auth that may be shown.
  config jsonb not null,
  -- Field → sealed text (store/sealing.ts).
  sealed jsonb not null,
  version integer not null default 1,
  -- While it lies in the future the destination's lanes are being changed, and POSTs for it are answered 503.
  lanes_held_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);

create index destinations_by_customer on destinations (customer_external_id, seq) where deleted_at is null;

create table api_keys (
  -- SHA-256 of the key: the key itself is nowhere.
  digest bytea primary key check (length(digest) = 32),
  name text not null,
  created_at timestamptz not null default now()
);

-- A trigger, not a call in our code: a change made by hand reaches the caches too.
create function causeway_notify_destination() returns trigger language plpgsql as $$
declare
  changed destinations;
begin
  changed := case when tg_op = 'DELETE' then old else new end;
  perform pg_notify('causeway_changed', json_build_object(
    'table', 'destinations', 'id', changed.id, 'customer', changed.customer_external_id)::text);
  return null;
end
$$;

create trigger destinations_changed after insert or update or delete on destinations
  for each row execute function causeway_notify_destination();

create function causeway_notify_api_keys() returns trigger language plpgsql as $$
begin
  perform pg_notify('causeway_changed', '{"table":"api_keys"}');
  return null;
end
$$;

create trigger api_keys_changed after insert or update or delete or truncate on api_keys
  for each statement execute function causeway_notify_api_keys();
