-- The national card: which card ids a person was given. Several, when several documents were shown.
create table national_card (
  person_id bigint not null,
  card_id bytea not null,               -- 16 or 32 bytes; enciphered, so that only the root key reads the number out of it
  mindex bytea not null,                -- person index id of the document, 32 bytes
  document_type text not null,          -- in the dialect of who registered
  system text not null,                 -- identifier system of the person index; empty for a temporary card
  made timestamptz not null,
  primary key (person_id, card_id)
);

-- From what is scanned to the person: a look-up table like card_lookup.
create table national_lookup (
  card_id bytea primary key,
  holder bigint not null
);

grant select, insert, update, delete on national_card, national_lookup to yima_app;
