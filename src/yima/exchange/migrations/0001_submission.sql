-- One row per accepted submission, in the transaction that stored it: the receipt, and what makes a resend change nothing.
create table submission (
  institution_id integer not null,
  key bytea not null,                   -- SHA-256 of the idempotency key
  submission_id text not null,
  body_digest bytea not null,           -- SHA-256 of the body: the same key with another body is refused
  received timestamptz not null,
  client_id text not null,
  resources integer not null,
  bytes integer not null,
  ms real not null,
  repeats integer not null default 0,
  request_id text not null,
  answer bytea not null,
  primary key (institution_id, key)
);
create index submission_received on submission (received desc);
-- What was refused, without its content: enough for the operator and the institution to mend it.
create table refused (
  refused_id bigint generated always as identity primary key,
  received timestamptz not null,
  institution_id integer not null,
  client_id text not null,
  bytes integer not null,
  ms real not null,
  code text not null,
  field text not null,
  request_id text not null
);
create index refused_received on refused (received desc);
grant select, insert, update, delete on all tables in schema exchange to yima_app;
