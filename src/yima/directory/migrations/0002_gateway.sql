-- Apps that call the national gateway: existing card calls of hospitals, which sign with a shared secret.
create table gateway_app (
  app_id text primary key,
  institution_id integer not null references institution,
  family text not null check (family in ('card', 'open-platform')),
  wrap bytea not null,                  -- the wrapped data key of the two secrets
  secret bytea not null,                -- sealed
  cipher_key bytea not null,            -- sealed; SM4, used by the family 'card' only
  terminals text[] not null,            -- the terminals for which it may speak; the first is meant when none is named
  dialect text not null,                -- code tables: healthcode/national/dialects.toml
  rights text[] not null,               -- of 'organisations' (may write the register), 'in-person' (its codes open visits)
  status text not null default 'active' check (status in ('active', 'suspended'))
);
create table gateway_token (
  digest bytea primary key,             -- SHA-256 of the app token: the token itself is never kept
  app_id text not null references gateway_app,
  expires timestamptz not null
);
-- Requests that may be carried out once only.
create table gateway_seen (
  app_id text not null,
  mark bytea not null,
  expires timestamptz not null,
  primary key (app_id, mark)
);
create index gateway_token_expires on gateway_token (expires);
create index gateway_seen_expires on gateway_seen (expires);
grant select, insert, update, delete on gateway_app, gateway_token, gateway_seen to yima_app;
