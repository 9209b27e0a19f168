-- What the overview takes from the resources of a home, kept so that a reader need not parse them again: see yima/records/home.
-- Derived: it may be emptied at any time, and must lose the row of a home whose resources are erased.
create table home (
  home bigint primary key,
  rules integer not null,               -- by which rules of digesting it was made
  held bigint not null,                 -- rows of records.resource it was made from
  versions bigint not null,             -- the sum of their versions, which every write raises: equal means nothing was written
  content bytea not null                -- entries and concepts, deflated JSON
);
alter table home alter column content set storage external; -- deflated already
grant select, insert, update, delete on home to yima_app;
