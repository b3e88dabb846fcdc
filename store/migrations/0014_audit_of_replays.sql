-- GET /v1/replays lists the replays that were asked for: the audit trail has each with what it was to send.
create index audit_log_replays on audit_log (seq) where action = 'replay.start_asked';
