create table job (
  job_id bigint generated always as identity primary key,
  kind text not null,
  key text not null,
  payload jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'dead')),
  due timestamptz not null,
  leased_until timestamptz,
  attempt integer not null default 0,
  attempts_left integer not null,
  error text,
  finished timestamptz,
  unique (kind, key)
);
create index job_due on job (due) where state = 'waiting';
grant select, insert, update, delete on job to yima_app;
