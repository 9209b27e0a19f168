-- The keys that sign credentials and lists, the log of what was issued under them, and what of it was revoked.
create table authority (
  algorithm text not null check (algorithm in ('ES256', 'SM2')),
  level text not null check (level in ('root', 'issuer')),
  number integer not null,
  key_id bytea not null unique,         -- first 8 bytes of SHA-256 of the certificate
  certificate bytea not null,           -- DER, RFC 5280
  created timestamptz not null,
  primary key (algorithm, level, number)
);

create table signer (
  number integer primary key,           -- also the number of its status list
  key_id bytea not null unique,
  algorithm text not null check (algorithm in ('ES256', 'SM2')),
  use text not null,
  certificate bytea not null,
  issuer bytea not null,                -- key_id of the issuer CA
  cap integer not null,                 -- credentials it may sign at most
  status_bits integer not null,         -- places of its status list; more than cap, so that a random place is soon found
  created timestamptz not null,
  begins timestamptz,                   -- when it began to sign; null: published, waits for its turn
  ends timestamptz not null,            -- signs nothing from then on; its credentials live on
  not_after timestamptz not null,       -- of the certificate
  revoked timestamptz,
  reason text,
  status_version bigint not null default 0,  -- rises with each revocation in its list
  check ((revoked is null) = (reason is null))
);
create index signer_present on signer (algorithm, use, number) where revoked is null;

-- How many credentials each signer may still sign. Several rows each, so that issuing does not queue at one row.
create table signer_room (
  signer integer not null,
  stripe smallint not null,
  room integer not null check (room >= 0),
  primary key (signer, stripe)
);

-- Every place given out in a status list. Keyed by what must be unique, not by person.
create table status_index (
  list integer not null,
  index integer not null,
  holder bigint not null,               -- the person_id of the credential
  primary key (list, index)
);

-- The issuance log. Insert and read only: no program can change who was given what, and on whose word.
create table issuance (
  person_id bigint not null,
  list integer not null,
  index integer not null,
  kind text not null,
  key_id bytea not null,
  issued timestamptz not null,
  expires timestamptz not null,
  asked_by text not null,
  proofed_by text not null,
  proofing text not null,
  assurance text not null check (assurance in ('low', 'substantial', 'high')),
  primary key (person_id, list, index)
);

-- Final: a revoked credential is never reinstated, a new one is issued.
create table revocation (
  list integer not null,
  index integer not null,
  version bigint not null,              -- the status_version that first shows it
  at timestamptz not null,
  reason text not null,
  primary key (list, index)
);
create index revocation_since on revocation (list, version);

-- What the operator did to the keys, and what the platform did by itself. Insert and read only.
create table signer_event (
  event bigint generated always as identity primary key,
  key_id bytea not null,
  at timestamptz not null,
  act text not null check (act in ('made', 'begun', 'revoked')),
  by_whom text not null,
  reason text not null
);

-- Every trust list that was published, as it was signed.
create table trust_list (
  algorithm text not null check (algorithm in ('ES256', 'SM2')),
  version bigint not null,
  issued timestamptz not null,
  content bytea not null,               -- SHA-256 of what it says, apart from version and times
  token text not null,                  -- the JWS
  primary key (algorithm, version)
);

grant select, insert on authority, status_index, issuance, revocation, signer_event, trust_list to yima_app;
grant select, insert, update on signer, signer_room to yima_app;
