-- The Merkle tree over the log. Only ever added to, by whoever seals; a tree head signed over it goes to witnesses outside.
-- tx: lines of finished transactions are sealed; BRIN, because lines stand in the order in which they were written.
alter table event add column tx bigint not null default 0; -- what stands here already is sealed first
alter table event alter column tx set default pg_catalog.pg_current_xact_id()::text::bigint;
create index event_tx on event using brin (tx) with (pages_per_range = 32, autosummarize = on);
-- Where each line stands in the tree.
create table leaf (
  person_id bigint not null,
  event_id text not null,
  position bigint not null,
  hash bytea not null,
  primary key (person_id, event_id)
);
create unique index leaf_position on leaf (position);
-- Full tiles of 256 hashes (C2SP tlog-tiles): level 0 over leaves, level n over the roots of level n - 1.
create table tile (
  level smallint not null,
  number bigint not null,
  root bytea not null,
  hashes bytea not null,
  primary key (level, number)
);
alter table tile alter column hashes set storage external; -- hashes do not compress
create table head (
  size bigint not null,
  sealed timestamptz not null,
  root bytea not null,
  horizon bigint not null,              -- lines of transactions before this one are in the tree
  note text not null,                   -- the signed checkpoint (C2SP tlog-checkpoint)
  primary key (size, sealed)
);
grant select, insert on leaf, tile, head to yima_app;
