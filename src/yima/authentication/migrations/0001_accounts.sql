-- Who may prove to be whom, and how. A subject is a kind and an id in the words of the room that knows the person; here
-- stands neither a name nor a number of theirs. All secrets are hashes, or sealed with a key of the account's own.
create table account (
  account_id bytea primary key,         -- 16 random bytes; what passkeys call the account ("user handle")
  kind text not null check (kind in ('practitioner', 'operator', 'resident')),
  subject text not null,
  name text,                            -- what is typed at sign-in; null where nothing is
  password text,                        -- Argon2id, PHC string
  wrap bytea not null,                  -- the wrapped data key of the secrets below
  totp bytea,                           -- sealed; RFC 6238
  totp_step bigint not null default 0,  -- the last step of which a code was taken: none counts twice
  made timestamptz not null,
  unique (kind, subject),
  unique (kind, name)
);
create table passkey (
  credential bytea primary key,
  account_id bytea not null references account on delete cascade,
  public bytea not null,                -- attested credential data (WebAuthn 2, 6.5.1): id and COSE public key
  counter bigint not null,
  label text not null,
  made timestamptz not null,
  used timestamptz
);
create index passkey_account on passkey (account_id);
create table recovery_code (
  account_id bytea not null references account on delete cascade,
  digest bytea not null,
  primary key (account_id, digest)
);
-- A link by which somebody sets up the account of a subject, once. An account that there is keeps its ways until then.
create table invitation (
  digest bytea primary key,             -- SHA-256 of the code: the code itself is never kept
  kind text not null,
  subject text not null,
  name text,
  wrap bytea not null,
  totp bytea not null,                  -- sealed: the secret that the account will have
  inviter text not null,                -- kind/id
  made timestamptz not null,
  expires timestamptz not null
);
create index invitation_subject on invitation (kind, subject);
-- What a person should know of the own account: sign-ins, changes, invitations; kept for ninety days.
create table happening (
  kind text not null,
  subject text not null,
  at timestamptz not null,
  what text not null,
  detail text not null
);
create index happening_subject on happening (kind, subject, at desc);
create index happening_at on happening (at);
-- A browser of somebody who signed in. The cookie is the id and a secret of 256 bits; only the secret's hash is kept.
create table session (
  session_id text primary key,
  digest bytea not null,
  kind text not null,
  subject text not null,
  method text not null,                 -- by what it was proved last: passkey, password, recovery, phone
  level smallint not null,              -- factors proved: 1 or 2 (NIST SP 800-63B, AAL)
  device text not null,                 -- browser and system, in words
  opened timestamptz not null,
  seen timestamptz not null,
  proved timestamptz not null
);
create index session_subject on session (kind, subject);
create index session_seen on session (seen);
-- Tries that failed, by what they were tried on: an account, a browser that knows it, an address. Keyed hashes.
create table attempt (
  bucket bytea primary key,
  failures integer not null,
  last timestamptz not null,
  until timestamptz not null            -- nothing is tried before
);
create index attempt_last on attempt (last);
-- Challenges of passkeys that were answered; each counts once.
create table spent_challenge (
  nonce bytea primary key,
  expires timestamptz not null
);
create index spent_challenge_expires on spent_challenge (expires);
grant select, insert, update, delete on all tables in schema authentication to yima_app;
