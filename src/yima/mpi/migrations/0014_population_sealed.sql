-- Where somebody is registered, since when, with whom, and what happened in their life lie sealed under the person's data key
-- (yima/mpi/lives.py). Rows of before stay readable until `yima keys seal` has been through them.
alter table population_entry alter column area drop not null;
alter table population_entry add column said bytea;   -- sealed: area, day
alter table household alter column relation drop not null;
alter table household add column said bytea;          -- sealed: relation, since, until
alter table population_change drop constraint population_change_pkey;
alter table population_change alter column kind drop not null, alter column happened drop not null, alter column dated drop not null;
alter table population_change add column number bigint generated always as identity;
alter table population_change add column said bytea;  -- sealed: kind, day, whether the base gave it
alter table population_change add primary key (person_id, number);
create index population_entry_readable on population_entry (entry) where said is null;
create index household_readable on household (person_id, household) where said is null;
create index population_change_readable on population_change (person_id, number) where said is null;
grant update (kind, happened, dated, said) on population_change to yima_app; -- sealing, and nothing else
