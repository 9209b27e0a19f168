-- Terminals as clients of their own: keys, where they stand, what they do by default; and the tokens they sign in for.
alter table terminal
  add column jwks jsonb,                              -- public keys only (RFC 7517), two at most; null = cannot sign in
  add column location text not null default '',       -- in words, as the resident is told: "Hall 1, next to the lift"
  add column step text not null default '',           -- defaults of what is done there, codes of the step table
  add column scene text not null default '',
  add column firmware text not null default '',       -- as the terminal said when it last signed in
  add column registered timestamptz,
  add column last_seen timestamptz;                   -- its last sign-in
create table terminal_token (
  digest bytea primary key,                           -- SHA-256 of the opaque token
  terminal_id text not null references terminal,
  scopes text[] not null,
  expires timestamptz not null
);
create index terminal_token_expires on terminal_token (expires);
create index terminal_token_terminal on terminal_token (terminal_id);
grant select, insert, update, delete on terminal_token to yima_app;
