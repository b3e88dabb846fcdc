-- How many requests a key may make in a second at each API process; null: as many as it likes.
alter table api_keys add column requests_per_second integer check (requests_per_second between 1 and 100000);
