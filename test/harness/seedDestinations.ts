import pg from 'pg';

/** Stores `count` copies of the destination `like`, named "seeded 1" and so on, of as many customers. */
export async function seedDestinations(
  databaseUrl: string,
  { like, count }: { like: string; count: number },
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into destinations
         (id, customer_external_id, type, name, enabled, event_types, partition_key, lanes, on_dead_letter, config, sealed)
       select 'dst_seeded' || lpad(n::text, 6, '0'), 'acct_' || n, type, 'seeded ' || n, enabled, event_types, partition_key, lanes,
         on_dead_letter, config, sealed
       from destinations, generate_series(1, $2::int) n where id = $1`,
      [like, count],
    );
  } finally {
    await client.end();
  }
}
