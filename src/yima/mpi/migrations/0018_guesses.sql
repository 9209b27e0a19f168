-- How many questions by a document's number an institution asked in a day, and how many of them meant nobody it may hear of:
-- whoever tries numbers out misses nearly always. Kept for two days.
create table number_asked (
  institution_id integer not null,
  day date not null,
  missed integer not null,
  found integer not null,               -- different persons
  primary key (institution_id, day)
);
-- Misses among numbers that differ in their last characters only. `bucket`: two bytes of a keyed hash of the rest, which
-- names nobody: 65,536 of them for all numbers there are.
create table number_missed (
  institution_id integer not null,
  day date not null,
  bucket integer not null,
  missed integer not null,
  primary key (institution_id, day, bucket)
);
create table number_found (
  person_id bigint not null,
  institution_id integer not null,
  day date not null,
  primary key (person_id, institution_id, day)
);
create index number_found_day on number_found using brin (day);
grant select, insert, update, delete on number_asked, number_missed, number_found to yima_app;
