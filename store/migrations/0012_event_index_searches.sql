-- Searches of the event index by lane and by destination (`recent`): docs/decisions/event-index.md. Blocks of the table that can't have what is
-- looked for are passed over by a bloom filter of each; it costs an insert next to nothing, where a tree of workflow ids would double it.
create index event_index_searches on event_index
  using brin (accepted_at, workflow_id text_bloom_ops, (split_part(workflow_id, ':', 2)) text_bloom_ops)
  with (autosummarize = on);
-- The one above has it too.
drop index event_index_accepted_at;
