-- The record, stored by home (the person first resolved for a Patient; 0 = the shared shelf). Rows never move.
create table resource (
  home bigint not null,
  type text not null,
  id text not null,
  version integer not null,
  updated timestamptz not null,
  institution_id integer not null,      -- who wrote this version
  submission text not null,
  class text not null default '',       -- sensitive class, '' = ordinary
  deleted boolean not null default false,
  low timestamptz,                      -- the clinical date as a range; null when the resource has none
  high timestamptz,
  tokens bigint[] not null,             -- hashed search keys; filtered in SQL within one record, so they need no index
  content bytea not null,               -- canonical JSON, given back as it stands
  primary key (home, type, id)
);
create index resource_dated on resource (home, type, low desc nulls last);
create table history (
  home bigint not null,
  type text not null,
  id text not null,
  version integer not null,
  updated timestamptz not null,
  institution_id integer not null,
  submission text not null,
  class text not null,
  deleted boolean not null,
  content bytea not null,
  primary key (home, type, id, version)
);
grant select, insert, update on resource to yima_app; -- a deletion is a version, never a missing row
grant select, insert on history to yima_app;
