-- The Patient of whom a resource was submitted, the same for all its versions; '' on the shelf. Where a home holds rows of several
-- persons (a steward split a Patient off, or moved it), it tells them apart: docs/decisions/0024.
alter table resource add column patient text not null default '';
-- What stands here already: the first Patient of its home that it names, else the first Patient it names.
update resource set patient = case when type = 'Patient' then id else coalesce(
  substring(convert_from(content, 'UTF8') from '"Patient/(' || left(id, 10) || '-[0-9a-z]{13})[/"]'),
  substring(convert_from(content, 'UTF8') from '"Patient/([A-Za-z0-9.-]{1,64})[/"]'), '') end
where home between 1 and (1::bigint << 47) - 1;
-- An erasure goes no further than the person's own rows. `patients`: null where all rows of the homes are theirs.
drop function erase_content(bigint[], bigint, text);
create function erase_content(homes bigint[], whose bigint, named text, patients text[]) returns bigint
language sql security definer set search_path = records, pg_catalog
as $$
  with asked as (
    select * from erasure
    where home = whose and erasure = named and home = any(homes) and approver <> proposer and withdrawn is null and certificate = ''
  ), present as (
    update resource r set content = '', deleted = true, tokens = '{}', low = null, high = null from asked a
    where r.home = any(homes) and (a.type = '' or (r.type = a.type and r.id = a.id))
      and (a.institution_id = 0 or r.institution_id = a.institution_id) and (patients is null or r.patient = any(patients))
    returning 1
  ), past as (
    update history h set content = '', deleted = true from asked a
    where h.home = any(homes) and (a.type = '' or (h.type = a.type and h.id = a.id))
      and (a.institution_id = 0 or h.institution_id = a.institution_id)
      and (patients is null or exists (
        select from resource r where r.home = h.home and r.type = h.type and r.id = h.id and r.patient = any(patients)))
    returning 1
  )
  select (select count(*) from present) + (select count(*) from past)
$$;
revoke all on function erase_content(bigint[], bigint, text, text[]) from public;
grant execute on function erase_content(bigint[], bigint, text, text[]) to yima_app;
