-- Who did what to whose record. Insert and read only for the application; no foreign keys; the same row is a leaf of the
-- Merkle log of a later issue.
create table event (
  person_id bigint not null,            -- whose record; 0 when no person is concerned
  event_id text not null,
  recorded timestamptz not null,
  action text not null,                 -- submit, read, search, scan, break-glass, resolve, consent, sign-in
  outcome text not null,                -- ok, denied, failed
  purpose text not null,
  basis text not null,                  -- why it was allowed or not: the decision's reason code
  agent text not null,                  -- app, practitioner, resident, operator, system
  institution integer not null,
  institution_name text not null,
  agent_id text not null,
  agent_name text not null,
  department text not null,
  terminal text not null,
  visit text not null,
  submission text not null,
  detail text not null,                 -- JSON: classes of resources, counts, reason of a break-glass
  request_id text not null,
  primary key (person_id, event_id)
);
create index event_recorded on event (person_id, recorded desc);
grant select, insert on event to yima_app;
