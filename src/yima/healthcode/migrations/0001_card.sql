-- Cards, the visits that scans open, and the one use of each dynamic code.
create table card (
  person_id bigint not null,
  card_id bytea not null,               -- 10 random bytes: what a printed code carries; a reissue has new ones
  number character(16) not null,        -- 14 random digits and two check digits (ISO 7064 MOD 97-10), for people to read out
  status text not null check (status in ('active', 'suspended', 'lost', 'cancelled')),
  profile text not null check (profile in ('INTL', 'SM')),
  issued timestamptz not null,
  ended timestamptz,                    -- set when cancelled; until then this is the person's one card
  primary key (person_id, card_id)
);
create unique index card_current on card (person_id) where ended is null;

-- From what is printed to the person. A table of its own, keyed by what is looked up: the card table stays keyed by person.
create table card_lookup (
  card_id bytea primary key,
  number character(16) not null unique,
  holder bigint not null                -- the person_id of the card
);

create table visit (
  person_id bigint not null,
  visit text not null,                  -- the handle later steps use instead of the code
  institution integer not null,
  terminal text not null,
  practitioner integer,
  step text not null,
  purpose text not null,
  assurance text not null check (assurance in ('dynamic', 'static')),
  started timestamptz not null,
  expires timestamptz not null,
  primary key (person_id, visit)
);

-- One use of each dynamic code. Useless once the code has expired: rows older than a day may go (a job of a later issue).
create table redemption (
  person_id bigint not null,
  p bytea not null,                     -- the code's enciphered block, 16 bytes
  t integer not null,                   -- the code's time step, unix / 15
  institution integer not null,
  terminal text not null,
  visit text not null,
  at timestamptz not null,
  primary key (person_id, p, t)
);

grant select, insert, update, delete on card, card_lookup, visit, redemption to yima_app;
