-- Apps that residents let read their own record (SMART App Launch), and what each resident granted.
create table patient_app (
  client_id text primary key,
  institution_id integer not null references institution,   -- who answers for it
  name_zh text not null,
  name_en text not null,
  redirect_uris text[] not null,
  scopes text[] not null,               -- the most it may ask for
  jwks jsonb,                           -- public keys of a confidential app (RFC 7517); null = a public app
  status text not null default 'active' check (status in ('active', 'suspended'))
);
-- One "yes" of a resident to one app. All codes and tokens that follow from it are its family, and end with it.
create table app_grant (
  person_id bigint not null,
  grant_id text not null,
  client_id text not null,
  scopes text[] not null,
  sensitive boolean not null,           -- whether classes such as psychiatry are open to the app
  given timestamptz not null,
  expires timestamptz not null,         -- when its last secret ends
  used timestamptz,
  ended timestamptz,
  ended_by text not null default '',    -- resident, app or reuse
  primary key (person_id, grant_id)
);
-- From a code or token to its grant; the person is not known before.
create table grant_secret (
  digest bytea primary key,             -- SHA-256: the secret itself is never kept
  kind text not null check (kind in ('code', 'access', 'refresh')),
  person_id bigint not null,
  grant_id text not null,
  client_id text not null,
  scopes text[] not null,
  bound jsonb not null default '{}',    -- of a code: redirect_uri, challenge, nonce
  expires timestamptz not null,
  spent timestamptz                     -- codes and refresh tokens are good once
);
create index grant_secret_expires on grant_secret (expires);
grant select, insert, update, delete on patient_app, app_grant, grant_secret to yima_app;
