-- OpenID providers by which people may come in: each for one kind of them, registered by command.
create table provider (
  provider_id text primary key,
  kind text not null check (kind in ('practitioner', 'operator', 'resident')),
  institution bigint,                   -- whose staff it is for; null: anybody of that kind
  issuer text not null,
  client_id text not null,              -- what this deployment is called there
  wrap bytea,                           -- the wrapped data key of the secret
  secret bytea,                         -- sealed; null where the platform signs with its own key (private_key_jwt)
  levels jsonb not null,                -- acr -> factors it proves
  level smallint not null,              -- factors proved by an answer with no acr of these
  hosts text[] not null,                -- of its endpoints, beside the issuer's own
  private boolean not null,             -- whether it stands in a network of the house
  name_zh text not null,
  name_en text not null,
  status text not null check (status in ('active', 'suspended')),
  made timestamptz not null
);
-- Whom a provider's subject is: bound once, by an invitation or by somebody signed in.
create table provider_subject (
  provider_id text not null references provider on delete cascade,
  subject bytea not null,               -- keyed hash of issuer and sub, which may be anything, a number of a person too
  account_id bytea not null references account on delete cascade,
  made timestamptz not null,
  used timestamptz,
  primary key (provider_id, subject),
  unique (account_id, provider_id)
);
-- A browser that was sent to a provider and is expected back; gone with the first answer.
create table trip (
  state bytea primary key,              -- SHA-256 of the state
  provider_id text not null references provider on delete cascade,
  browser bytea not null,               -- SHA-256 of the token of the sign-in page, or of the session's id
  carried bytea not null,               -- sealed: verifier, nonce, what for, what was being done
  made timestamptz not null,
  expires timestamptz not null
);
create index trip_expires on trip (expires);
alter table session add column provider text, add column provider_session bytea; -- by which it was opened, and its sid hashed
create index session_provider on session (provider, provider_session) where provider is not null;
grant select, insert, update, delete on provider, provider_subject, trip to yima_app;
