-- What the last minutes brought (`lanesSince`). Rows lie in the order of their time, so a block-range index finds them, and
-- costs an insert next to nothing.
create index event_index_accepted_at on event_index using brin (accepted_at) with (autosummarize = on);
