-- Candidate keys, what was said of each person in the form that is compared, decisions with their evidence, and what a data
-- steward does: merge, move a Patient, keep apart, freeze a number. Every one of these acts can be undone exactly.

-- Who could it be: keyed hash of a rule and its value (`mpi.keys`), so that nothing can be read from it. Read by key.
create table candidate_key (
  key bigint not null,
  person_id bigint not null,
  primary key (key, person_id)
);
create index candidate_key_person on candidate_key (person_id);
-- Everything different that was said of a person, as `mpi.Fields`: numbers, phones, addresses and mothers as keyed hashes.
create table profile (
  person_id bigint not null,
  digest bytea not null,                -- of `said`
  normaliser smallint not null,
  said bytea not null,                  -- MessagePack, fields by position
  primary key (person_id, digest)
);
-- The exact key of the first rule: the score has taken its place. `yima mpi rekey` makes keys for persons of before.
drop table demographic;
-- Why a registration became this person.
create table decision (
  person_id bigint not null,
  number bigint generated always as identity,
  at timestamptz not null,
  institution_id integer not null,
  kind text not null check (kind in ('automatic', 'review', 'new')),
  rule text not null,
  model text not null,
  normaliser smallint not null,
  evidence jsonb not null,              -- levels, weights, vetoes of the best candidates; no names, no numbers
  primary key (person_id, number)
);
-- This person turned out to be that one. Nothing moves: everything of `person_id` is read as of `root`.
create table merged (
  person_id bigint primary key,
  survivor bigint not null check (survivor <> person_id),
  root bigint not null check (root <> person_id) -- the end of the chain of survivors
);
create index merged_root on merged (root);
-- Two persons of whom a steward said that they are never one.
create table apart (
  person_id bigint not null,            -- the lower id
  other bigint not null check (person_id < other),
  primary key (person_id, other)
);
-- Numbers in dispute: two people use them, so that they name nobody until a steward has decided.
create table frozen (
  digest bytea primary key
);
-- What was done, and on whose word. Insert and read only.
create table event (
  person_id bigint not null,
  number bigint generated always as identity,
  at timestamptz not null,
  kind text not null check (kind in (
    'merge', 'unmerge', 'move', 'split', 'unsplit', 'apart', 'not-apart', 'freeze', 'unfreeze')),
  other bigint,                         -- the survivor, the other person, or where a Patient went
  patient_id text,
  digest bytea,
  undoes bigint,                        -- number of the event that this one undid
  actor text not null,
  reason text not null,
  primary key (person_id, number)
);
create index event_number on event (number);
create index event_undoes on event (undoes) where undoes is not null;

grant select, insert, update, delete on candidate_key, profile, merged, apart, frozen to yima_app;
grant select, insert on decision, event to yima_app;
