-- Bulk exports: asked for by an institution's app, approved by two people of two organisations, made in steps, public in outline.
create table export (
  export_id text primary key,
  institution_id integer not null,
  client_id text not null,
  requested timestamptz not null,
  types text[] not null,
  since timestamptz,
  deidentified boolean not null,
  reason text not null,
  legal_basis text not null,
  first_approver text,
  first_organisation text,
  first_approved timestamptz,
  second_approver text,
  second_organisation text,
  approved timestamptz,                 -- when the second approved
  rejected timestamptz,
  rejected_by text,
  reached bigint not null default 0,    -- the last home that is written
  persons integer not null default 0,
  sizes text not null default '{}',     -- JSON: by type, [resources, bytes] that are written for good
  finished timestamptz,
  deleted timestamptz,
  failure text not null default ''
);
create index export_requested on export (requested desc);
grant select, insert, update on export to yima_app;
