-- Acting for somebody else: parents for children, a daughter for her mother. Kept for ever: "on what ground did she read
-- this" can be answered for any day.
create table mandate (
  person_id bigint not null,            -- for whom
  mandate_id text not null,
  agent bigint not null,                -- who may act: a person
  kind text not null check (kind in ('guardian', 'given')),
  scopes text[] not null check (scopes <@ array['show-code', 'see-record', 'decide'] and cardinality(scopes) > 0),
  starts timestamptz not null,
  ends timestamptz,                     -- null: of a guardian, until the child is 18
  evidence text not null,               -- of a closed list: what was seen when it was given
  recorded_by text not null,            -- kind and id, e.g. practitioner/12 or resident/0a1b2c3d4e
  ended timestamptz,
  ended_by text,
  primary key (person_id, mandate_id),
  check (agent <> person_id),
  check ((ended is null) = (ended_by is null)),
  check (kind = 'guardian' or ends is not null)
);

-- The same from the other side: here person_id is who acts.
create table acting (
  person_id bigint not null,
  mandate_id text not null,
  acts_for bigint not null,
  primary key (person_id, mandate_id)
);

grant select, insert, update (ended, ended_by) on mandate to yima_app;
grant select, insert on acting to yima_app;
