-- What a reader usually does: persons in a busy hour. It moves once a week, and slowly, so that nobody is raised into it.
create table usual (
  reader text primary key,
  week date not null,                   -- Monday of the last week that was taken in
  level real not null,
  weeks integer not null                -- how many were
);
grant select, insert, update, delete on usual to yima_app;
-- A decision is about what was seen by then: what the reader does afterwards on the same day is another part.
alter table finding add column part smallint not null default 0;
alter table finding add column more integer not null default 0; -- lines since the decision, too few for another part
alter table finding drop constraint finding_pkey;
alter table finding add primary key (person_id, reader, day, part);
