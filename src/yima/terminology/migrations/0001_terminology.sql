-- Terminology that was loaded. No person is in it: look-up tables, the same on every node.

-- A CodeSystem (without its concepts), ValueSet or ConceptMap.
create table resource (
  number bigint generated always as identity primary key,
  type text not null,
  url text not null,
  version text not null,               -- '' when it has none
  id text not null,                    -- FHIR id
  name text not null,
  case_sensitive boolean not null,
  concepts integer not null,           -- of a CodeSystem; 0 for others
  loaded timestamptz not null,
  content bytea not null,              -- FHIR JSON
  unique (type, url, version),
  unique (type, id)
);

create table concept (
  system bigint not null,              -- resource.number
  key text not null,                   -- the code, in lower case where the system has no case
  place integer not null,              -- the system's own order
  code text not null,
  display text not null,
  definition text not null,
  words text not null,                 -- what a text filter looks at
  parents text[] not null,
  ancestors text[] not null,
  inactive boolean not null,
  abstract boolean not null,
  designations jsonb not null,
  properties jsonb not null,
  primary key (system, key)
);
create index concept_ancestors on concept using gin (ancestors) where ancestors <> '{}';
create index concept_parents on concept using gin (parents) where parents <> '{}';

grant select, insert, update, delete on resource, concept to yima_app;
