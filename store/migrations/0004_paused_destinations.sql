-- Set while a person has paused the destination: since when, who and why. Events are accepted, and wait in its lanes.
alter table destinations add column paused jsonb;
