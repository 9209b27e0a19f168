-- As in 0009, for registrations of several institutions: whether each institution has a Patient of the person itself.
drop function sharing(integer[], integer[], bigint[], integer, smallint, integer);
create function sharing(p_asked integer[], p_nr integer[], p_keys bigint[], p_most integer, p_normaliser smallint,
  p_institutions integer[])
returns table (asked integer, person_id bigint, said bytea, here boolean, full_key integer, own bigint, digest bytea, wrap bytea)
language plpgsql stable set search_path = mpi, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  return query
  with found as materialized (
    select k.asked, k.nr, f.person_id from unnest(p_asked, p_nr, p_keys) as k(asked, nr, key)
    cross join lateral (select c.person_id from candidate_key c where c.key = k.key limit p_most) as f),
  large as materialized (select f.asked, f.nr from found f group by f.asked, f.nr having count(*) >= p_most),
  few as (
    select distinct f.asked, f.person_id from found f
    where not exists (select from large where large.asked = f.asked and large.nr = f.nr)),
  roots as (select f.asked, f.person_id, coalesce(m.root, f.person_id) as root from few f left join merged m using (person_id)),
  people as (select r.asked, r.person_id, r.root from roots r union select r.asked, r.root, r.root from roots r)
  select p.asked, p.root, f.said,
    exists (select from link l where l.person_id = p.person_id and l.institution_id = p_institutions[p.asked + 1]), null::integer,
    p.person_id, f.digest, o.wrap
  from people p join profile f on f.person_id = p.person_id join person o on o.person_id = p.person_id
  where f.normaliser = p_normaliser
  union all select large.asked, null, null, null, large.nr, null, null, null from large;
end $$;
