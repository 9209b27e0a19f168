-- Both ask for many registrations at once: one call a round of `resolve_many`, and one is many of one.

drop function known(bigint[], bytea[], bigint[], text, bigint);
create function known(p_locks bigint[], p_digests bytea[], p_keys bigint[], p_patients text[], p_persons bigint[])
returns table (nr integer, digest bytea, system text, patient_id text, frozen boolean, own bigint, person_id bigint,
  name text, latin_name text, sex text, birth_date text, multiple_birth integer, deceased boolean, wrap bytea, said bytea,
  phone bytea, phone_key bytea, held bytea[], systems text[], profiles bytea[])
language plpgsql set search_path = mpi, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(k) from unnest(p_locks) as k; -- the caller has sorted them
  -- All at once and in one order: two registrations that find the same two persons by different keys must not deadlock.
  perform from person p where p.person_id = any(array(
    select coalesce(m.root, f.person_id) from (
      select coalesce(l.person_id, i.person_id) as person_id from identifier i left join link l on l.patient_id = i.patient_id
      where i.digest = any(p_digests)
      union all (select k.person_id from candidate_key k where k.key = any(p_keys) limit 400 + 10 * cardinality(p_keys))
      union all select l.person_id from link l where l.patient_id = any(p_patients)
      union all select unnest(p_persons)) as f left join merged m using (person_id)))
  order by p.person_id for no key update;
  return query
  select t.nr, t.digest, t.system, t.patient_id, exists (select from frozen z where z.digest = t.digest),
    p.person_id, coalesce(m.root, p.person_id), p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.deceased,
    p.wrap, p.said, p.phone, p.phone_key, h.held, h.systems,
    array(select f.digest from profile f where f.person_id = p.person_id)
  from (select 1 as nr, null::bytea as digest, '' as system, l.patient_id, l.person_id from link l
      where l.patient_id = any(p_patients)
    union all select 2, null, '', null, q from unnest(p_persons) as q
    union all select 3, i.digest, i.system, i.patient_id, coalesce(l.person_id, i.person_id)
      from identifier i left join link l on l.patient_id = i.patient_id where i.digest = any(p_digests)) as t
    join person p on p.person_id = t.person_id left join merged m on m.person_id = p.person_id
    left join lateral (
      select array_agg(n.digest) as held, array_agg(n.system) as systems from identifier n where n.kind = 'national'
        and n.person_id = any(array(
          select coalesce(m.root, p.person_id)
          union all select g.person_id from merged g where g.root = coalesce(m.root, p.person_id)))) as h on true
  order by t.nr;
end $$;

drop function sharing(bigint[], integer, smallint, integer);
create function sharing(p_asked integer[], p_nr integer[], p_keys bigint[], p_most integer, p_normaliser smallint, p_institution integer)
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
    exists (select from link l where l.person_id = p.person_id and l.institution_id = p_institution), null::integer,
    p.person_id, f.digest, o.wrap
  from people p join profile f on f.person_id = p.person_id join person o on o.person_id = p.person_id
  where f.normaliser = p_normaliser
  union all select large.asked, null, null, null, large.nr, null, null, null from large;
end $$;
