-- Witnesses outside, and the heads they signed once they had seen that each grows out of the one before. What counts is
-- whether a signature verifies with a key that was got another way; these rows only keep it at hand.
create table witness (
  name text primary key,
  key text not null,                    -- C2SP signed-note verifier key, type 0x04
  added timestamptz not null,
  ended timestamptz                     -- from then on nothing more is taken from it
);
create table cosignature (
  size bigint not null,
  sealed timestamptz not null,
  witness text not null,
  at timestamptz not null,              -- when the witness signed, by its own clock
  line text not null,                   -- as it stands under the head (C2SP tlog-cosignature, Ed25519)
  primary key (size, sealed, witness)
);
create index cosignature_of on cosignature (witness, size, sealed);
grant select, insert on witness, cosignature to yima_app;
grant update (ended) on witness to yima_app;
