-- Where 0012 was applied as it first was.
drop index if exists event_index_searches;
create index if not exists event_index_by_lane on event_index
  using brin (accepted_at, workflow_id text_bloom_ops (n_distinct_per_range = 6000, false_positive_rate = 0.05))
  with (autosummarize = on, pages_per_range = 64);
create index if not exists event_index_by_destination on event_index
  using brin (
    accepted_at,
    (split_part(workflow_id, ':', 2)) text_bloom_ops (n_distinct_per_range = 4000, false_positive_rate = 0.02)
  ) with (autosummarize = on, pages_per_range = 64);
