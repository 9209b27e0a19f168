-- What tells whether the key store is the one this database was written with. One row.
create table key_fingerprint (
  one boolean primary key default true check (one),
  fingerprint bytea not null
);
grant select, insert on key_fingerprint to yima_app;
