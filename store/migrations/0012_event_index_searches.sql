-- Searches of the event index by lane and by destination (`recent`): docs/decisions/event-index.md. Blocks of the table that can't have what is
-- looked for are passed over by a bloom filter of each; it costs an insert next to nothing, where a tree of workflow ids would double it. The
-- filters' sizes are given: by default two of them can be more than a row of an index may hold, and then inserts fail.
create index event_index_by_lane on event_index
  using brin (accepted_at, workflow_id text_bloom_ops (n_distinct_per_range = 6000, false_positive_rate = 0.05))
  with (autosummarize = on, pages_per_range = 64);
create index event_index_by_destination on event_index
  using brin (
    accepted_at,
    (split_part(workflow_id, ':', 2)) text_bloom_ops (n_distinct_per_range = 4000, false_positive_rate = 0.02)
  ) with (autosummarize = on, pages_per_range = 64);
-- These have it too.
drop index event_index_accepted_at;
