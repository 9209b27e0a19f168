-- Residents by a code sent to a phone. Numbers and codes are keyed hashes: a code of six digits could be tried out otherwise.
create table phone_code (
  challenge text primary key,           -- what the browser's form carries; says nothing
  browser bytea not null,               -- hash of the token of the sign-in page: the code counts there only
  phone bytea not null,
  code bytea not null,
  subjects text[] not null default '{}',  -- who may come in by it; found after the answer left, the same whether somebody is found or not
  made timestamptz not null,
  expires timestamptz not null,
  tries smallint not null default 0,
  passed timestamptz                    -- the code was right: what may be left is to say which of several persons
);
create index phone_code_made on phone_code (made);
-- A phone that staff confirmed at a counter, the person's document in hand (identity proofing).
create table proofed_phone (
  subject text not null,
  phone bytea not null,
  staff text not null,                  -- kind/id of who saw the document
  at timestamptz not null,
  primary key (subject, phone)
);
create index proofed_phone_phone on proofed_phone (phone);
grant select, insert, update, delete on phone_code, proofed_phone to yima_app;
