-- Since when an institution is suspended: its staff are told at sign-in. Null where it was suspended before this was kept.
alter table institution add column suspended timestamptz;
