-- The population register: which row of which base is whom, households, changes of a life; and coverage, counted from them.

-- Found by the source's own name for a row, before the person is known.
create table population_entry (
  entry bytea primary key,              -- keyed hash of the institution and the row's own number, or of what identifies it
  person_id bigint not null,
  institution_id integer not null,      -- whose base it is
  content bytea not null,               -- keyed hash of the row as it was loaded last: the same again changes nothing
  area text not null,                   -- county, GB/T 2260; '' unknown
  status text not null check (status in ('alive', 'deceased', 'moved')),
  as_of date,                           -- of the change that the row speaks of; null = it does not say
  loaded timestamptz not null
);
create index population_entry_person on population_entry (person_id);

-- Who lives together, and who did.
create table household (
  person_id bigint not null,
  household bigint not null,            -- keyed hash of the institution and the household's number
  relation text not null,               -- to the head, as the base writes it
  since date,                           -- null = not said
  until date,                           -- null = lives there
  primary key (person_id, household)
);
create index household_members on household (household);

-- What happened in a life, as a base said it. Insert and read only.
create table population_change (
  person_id bigint not null,
  kind text not null check (kind in ('birth', 'death', 'moved-in', 'moved-out', 'name', 'number')),
  institution_id integer not null,
  happened date not null,               -- the day of loading where the base gave none (dated = false)
  dated boolean not null,
  recorded timestamptz not null,
  primary key (person_id, kind, institution_id, happened)
);

-- How many residents have no card or no record, counted as a whole. No person is in it.
create table coverage (
  area text not null,                   -- county; '' unknown
  sex text not null,
  age smallint not null,                -- where the age band begins; -1 unknown
  persons integer not null,
  no_card integer not null,
  no_record integer not null,
  neither integer not null,
  counted timestamptz not null,
  primary key (area, sex, age)
);

grant select, insert, update on population_entry to yima_app;
grant select, insert, update, delete on household, coverage to yima_app;
grant select, insert on population_change to yima_app;
