-- A resident's standing decisions. The newest row of (class, institution) counts; rows are kept, so that "why could they
-- see this" can be answered for any day.
create table standing (
  person_id bigint not null,
  standing_id text not null,
  class text not null,                  -- 'all' or a sensitive class: psychiatric, hiv, std
  institution_id integer not null,      -- 0 = every institution
  permit boolean not null,
  decided timestamptz not null,
  ends timestamptz,                     -- null = until changed
  agent text not null,                  -- who decided: resident
  primary key (person_id, standing_id)
);
create index standing_newest on standing (person_id, decided desc);
grant select, insert on standing to yima_app;
-- Emergency access: opened with a reason, for a short time, for one person at one institution.
create table emergency (
  person_id bigint not null,
  handle text not null,
  institution_id integer not null,
  practitioner_id integer not null,
  terminal text not null,
  reason text not null,
  started timestamptz not null,
  expires timestamptz not null,
  primary key (person_id, handle)
);
grant select, insert on emergency to yima_app;
