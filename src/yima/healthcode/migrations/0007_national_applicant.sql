-- For whom an institution sent a document to the national gateway. It is asked by that institution only: a question by
-- document number must not tell whether somebody else's person has that number.
create table national_applicant (
  institution integer not null,
  document bytea not null,              -- keyed hash of system and number
  holder bigint not null,               -- the person_id that its application was resolved to
  primary key (institution, document)
);
grant select, insert, update, delete on national_applicant to yima_app;
