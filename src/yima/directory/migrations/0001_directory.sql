-- Basic resources: who and what takes part. Small reference tables; none is per person.
create table institution (
  institution_id integer generated always as identity primary key,
  code text not null unique,
  name_zh text not null,
  name_en text not null,
  class text not null,                  -- institution class, e.g. A100, C220, D600, G
  area text not null,                   -- GB/T 2260 code
  status text not null default 'active' check (status in ('active', 'suspended'))
);
create table department (
  institution_id integer not null references institution,
  code text not null,
  name_zh text not null,
  name_en text not null,
  primary key (institution_id, code)
);
create table practitioner (
  practitioner_id integer generated always as identity primary key,
  institution_id integer not null references institution,
  code text not null,
  name_zh text not null,
  name_en text not null,
  title_zh text not null,
  title_en text not null,
  department text not null,
  status text not null default 'active' check (status in ('active', 'suspended')),
  unique (institution_id, code)
);
create table terminal (
  terminal_id text primary key,
  institution_id integer not null references institution,
  kind text not null,                   -- window, kiosk, desk, handheld
  department text not null,
  status text not null default 'active' check (status in ('active', 'suspended'))
);
create table app (
  client_id text primary key,
  institution_id integer not null references institution,
  name text not null,
  jwks jsonb not null,                  -- public keys only (RFC 7517)
  scopes text[] not null,
  matching text not null default 'full' check (matching in ('full', 'identifier', 'off')),
  status text not null default 'active' check (status in ('active', 'suspended'))
);
create table token (
  digest bytea primary key,             -- SHA-256 of the opaque token: the token itself is never kept
  client_id text not null references app,
  scopes text[] not null,
  expires timestamptz not null
);
create table assertion (
  client_id text not null,
  jti text not null,
  expires timestamptz not null,
  primary key (client_id, jti)
);
create index token_expires on token (expires);
create index assertion_expires on assertion (expires);
grant select, insert, update, delete on all tables in schema directory to yima_app;
