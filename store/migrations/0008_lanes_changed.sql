-- When the lanes were last changed: an event that is sent again may stand in the lane that its key had before.
alter table destinations add column lanes_changed_at timestamptz;
