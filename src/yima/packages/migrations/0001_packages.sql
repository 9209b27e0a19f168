-- Profiles of FHIR packages that were loaded. No person is in it: a look-up table, the same on every node.
create table definition (
  number bigint generated always as identity primary key,
  url text not null,
  version text not null,               -- '' when it has none
  package text not null,
  package_version text not null,
  loaded timestamptz not null,
  content bytea not null,              -- the StructureDefinition as far as checking needs it, JSON
  unique (url, version)
);

grant select, insert, update, delete on definition to yima_app;
