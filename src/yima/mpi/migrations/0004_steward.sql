-- The stewards' desk: an order in the queue, merges that wait for a second person, what strangers' data cost whom, figures.

alter table review
  add column risk smallint,             -- 3 first (mpi.risk); null = not weighed yet
  add column bits real,                 -- of the pair
  add column found text[] not null default '{}', -- vetoes and hindrances, keys of mpi.WHY
  add column later timestamptz,         -- put off until then
  add column decided timestamptz,
  add column decider text,
  add column event bigint;              -- the act that settled it: undoing that opens it again
create index review_queue on review (risk desc, bits desc nulls last, review_id) where state = 'open';
create index review_candidate on review (candidate);
create index review_event on review (event) where event is not null;

-- A merge that one steward wants and another must confirm. Never deleted.
create table proposal (
  person_id bigint not null,
  number bigint generated always as identity,
  survivor bigint not null,
  why text[] not null,                  -- what makes it risky: keys of mpi.SECOND
  reason text not null,
  proposer text not null,
  proposed timestamptz not null,
  accepted boolean,                     -- null while it waits
  decider text,
  decided timestamptz,
  event bigint,                         -- the merge
  primary key (person_id, number)
);
create index proposal_number on proposal (number);
create index proposal_waiting on proposal (proposed) where accepted is null;

-- Whether a domain of numbers is known, and whose it is (IHE PIXm). Few values: the index is small.
create index identifier_domain on identifier (system, institution_id) where kind = 'local';

-- How many persons an institution was told of whom it had not registered, by day: there is a limit.
create table told (
  institution_id integer not null,
  day date not null,
  strangers integer not null,
  primary key (institution_id, day)
);

-- Quality of what institutions send, counted once a day. No person is in it.
create table quality (
  day date not null,
  institution_id integer not null,
  patients integer not null,
  no_name integer not null,             -- none, or one that only stands in for it
  no_birth_date integer not null,       -- none, or not to the day
  no_sex integer not null,
  no_document integer not null,
  no_phone integer not null,
  doubtful integer not null,            -- reviews that its registrations gave
  same integer not null,                -- of these, found to be one person
  primary key (day, institution_id)
);
create table queue_day (
  day date primary key,
  waiting integer not null,             -- reviews open at the end of the count
  oldest_days integer not null,
  came integer not null,                -- reviews opened on that day
  decided integer not null,
  merged integer not null,
  undone integer not null
);

grant select, insert, update on proposal, told, quality, queue_day to yima_app;
