-- Erasure at the end of a purpose: content goes, a certificate stays. Two people are needed, and the database itself asks for both:
-- the application may not change history, but for this function, which looks for an approved erasure first.
create table erasure (
  home bigint not null,                 -- whose record
  erasure text not null,
  type text not null,                   -- one resource, or '' for all of them
  id text not null,
  institution_id integer not null,      -- only what this institution wrote; 0 = whoever wrote it
  proposed timestamptz not null,
  proposer text not null,
  reason text not null,
  legal_basis text not null,
  approver text,
  approved timestamptz,
  withdrawn timestamptz,
  resources integer not null default 0,
  versions integer not null default 0,
  certificate text not null default '', -- JWS
  primary key (home, erasure)
);
create index erasure_proposed on erasure (proposed desc);
create function erase_content(homes bigint[], whose bigint, named text) returns bigint
language sql security definer set search_path = records, pg_catalog
as $$
  with asked as (
    select * from erasure
    where home = whose and erasure = named and home = any(homes) and approver <> proposer and withdrawn is null and certificate = ''
  ), present as (
    update resource r set content = '', deleted = true, tokens = '{}', low = null, high = null from asked a
    where r.home = any(homes) and (a.type = '' or (r.type = a.type and r.id = a.id))
      and (a.institution_id = 0 or r.institution_id = a.institution_id)
    returning 1
  ), past as (
    update history h set content = '', deleted = true from asked a
    where h.home = any(homes) and (a.type = '' or (h.type = a.type and h.id = a.id))
      and (a.institution_id = 0 or h.institution_id = a.institution_id)
    returning 1
  )
  select (select count(*) from present) + (select count(*) from past)
$$;
revoke all on function erase_content from public;
grant execute on function erase_content to yima_app;
grant select, insert, update on erasure to yima_app;
