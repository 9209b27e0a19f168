-- How many lines there are of what, counted as they are sealed; and when the whole log was checked by its operator.
create table tally (
  day date not null,                    -- in China's time
  institution integer not null,         -- 0: residents and the platform itself
  action text not null,
  outcome text not null,
  lines bigint not null,
  primary key (day, institution, action, outcome)
);
create table verification (
  at timestamptz not null primary key,
  lines bigint not null,
  found bigint not null                 -- differences
);
grant select, insert, update on tally to yima_app;
grant select, insert on verification to yima_app;
