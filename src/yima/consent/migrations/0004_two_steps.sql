-- Emergency access in two steps: the emergency set at once, the whole record by a second act with its own ground.
alter table emergency add column ground text not null default 'life-threat';  -- of a closed list: consent.GROUNDS
alter table emergency alter column ground drop default;
create table emergency_widened (
  person_id bigint not null,
  handle text not null,
  ground text not null,                 -- of a closed list: consent.WIDENINGS
  reason text not null,
  at timestamptz not null,
  primary key (person_id, handle)
);
grant select, insert on emergency_widened to yima_app;
