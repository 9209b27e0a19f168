-- Apps of institutions that clinicians open from a visit (SMART App Launch 2.2, EHR launch), and what follows from it.
alter table patient_app add column launch_url text not null default '';  -- where it is opened; '' = an app that residents use
alter table app_grant
  add column practitioner_id integer,              -- who opened the app; null = the resident said yes
  add column visit text not null default '',       -- handle of the visit in which it was opened,
  add column ends timestamptz;                     -- and with whose end the grant is over
-- An app that was opened and has not asked yet: the launch token is good once, for this app and this member of the staff.
create table launch (
  digest bytea primary key,                        -- SHA-256 of the launch token
  client_id text not null,
  practitioner_id integer not null,
  visit text not null,
  expires timestamptz not null
);
create index launch_expires on launch (expires);
grant select, insert, delete on launch to yima_app;
