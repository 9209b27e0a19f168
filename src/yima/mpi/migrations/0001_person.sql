-- One row per human being. Names are kept open (they are shown on every page), numbers and phones sealed.
create table person (
  person_id bigint primary key,
  created timestamptz not null,
  updated timestamptz not null,
  name text not null,
  latin_name text not null,
  sex text not null,                    -- FHIR administrative-gender
  birth_date text not null,             -- FHIR date, possibly partial; empty when unknown
  multiple_birth integer,               -- birth order of a twin, 0 = order unknown, null = single or unknown
  deceased boolean not null default false,
  wrap bytea,                           -- the wrapped data key of everything sealed here; null = erased
  phone bytea,                          -- sealed
  phone_key bytea                       -- keyed hash of it, so that the same phone is not sealed again and again
);
-- Found by keyed hash only. National documents are one row per number for the whole platform; an institution's own patient
-- numbers are kept apart by institution, and name the Patient that carries them.
create table identifier (
  digest bytea primary key,
  person_id bigint not null,
  kind text not null check (kind in ('national', 'local')),
  system text not null,
  institution_id integer not null,      -- 0 for national documents
  patient_id text,                      -- of a local number: the institution's Patient it names
  number bytea not null,                -- sealed
  created timestamptz not null
);
create index identifier_person on identifier (person_id);
-- Keyed hash of normalised name, birth date, sex and phone: the exact-demographics key.
create table demographic (
  digest bytea not null,
  person_id bigint not null,
  primary key (digest, person_id)
);
-- Which Patients (one institution's view each) are this person. The only thing a merge or unmerge changes.
create table link (
  person_id bigint not null,
  patient_id text not null,
  home bigint not null,
  institution_id integer not null,
  rule text not null,                   -- why: see `match.Rule`
  created timestamptz not null,
  primary key (person_id, patient_id)
);
create unique index link_patient on link (patient_id); -- a Patient is one person's, never two's
-- Doubtful cases wait for a data steward.
create table review (
  review_id bigint generated always as identity primary key,
  person_id bigint not null,            -- the person that was created or kept apart
  candidate bigint not null,            -- the person it may be
  institution_id integer not null,
  reason text not null,
  state text not null default 'open' check (state in ('open', 'same', 'different')),
  created timestamptz not null,
  unique (person_id, candidate, reason)
);
grant select, insert, update, delete on all tables in schema mpi to yima_app;
