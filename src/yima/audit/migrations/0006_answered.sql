-- What workers answered, as noted where bytes leave: compared with the lines of the log, and then let go of.
create table answered (
  number bigint generated always as identity primary key,
  tx bigint not null default pg_catalog.pg_current_xact_id()::text::bigint,
  ids text not null                     -- a line for each request: its id, and which address disclosed
);
create table reconciled (
  one boolean primary key check (one),
  horizon bigint not null,              -- lines of transactions before this one have been compared
  waiting bytea not null                -- JSON: lines whose request has not been noted yet
);
grant select, insert, delete on answered to yima_app;
grant select, insert, update on reconciled to yima_app;
