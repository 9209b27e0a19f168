-- name: entries
select e.entry, coalesce(m.root, e.person_id) as person_id, e.content, e.status from mpi.population_entry e
  left join mpi.merged m using (person_id) where e.entry = any($1::bytea[])

-- name: keep_entries
-- An older word never takes the place of a newer one.
insert into mpi.population_entry as e (entry, person_id, institution_id, content, area, status, as_of, loaded)
select r, p, $1, n, a, s, d, $2 from unnest($3::bytea[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::date[])
  as t(r, p, n, a, s, d) order by r
on conflict (entry) do update set person_id = excluded.person_id, content = excluded.content, area = excluded.area,
  status = excluded.status, as_of = coalesce(excluded.as_of, e.as_of), loaded = excluded.loaded
where e.as_of is null or excluded.as_of is null or excluded.as_of >= e.as_of

-- name: leave_households
update mpi.household h set until = t.day from unnest($1::bigint[], $2::bigint[], $3::date[]) as t(person, household, day)
where h.person_id = t.person and h.household <> t.household and h.until is null

-- name: join_households
insert into mpi.household (person_id, household, relation, since, until)
select p, h, r, s, u from unnest($1::bigint[], $2::bigint[], $3::text[], $4::date[], $5::date[]) as t(p, h, r, s, u) order by p, h
on conflict (person_id, household) do update set relation = coalesce(nullif(excluded.relation, ''), mpi.household.relation),
  since = coalesce(excluded.since, mpi.household.since), until = excluded.until

-- name: keep_changes
insert into mpi.population_change (person_id, kind, institution_id, happened, dated, recorded)
select p, k, $1, d, g, $2 from unnest($3::bigint[], $4::text[], $5::date[], $6::boolean[]) as t(p, k, d, g) on conflict do nothing

-- name: households_of
-- The person's households and everybody who is or was in them.
select h.household, h.person_id, h.relation, h.since, h.until from mpi.household h where h.household in (
  select o.household from mpi.household o where o.person_id in (
    select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1))
order by h.household, h.until nulls first, h.since nulls first, h.person_id

-- name: changes_of
select kind, institution_id, happened, dated, recorded from mpi.population_change where person_id in (
  select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1) order by happened, recorded, kind

-- name: living
-- Residents after $1, in order: neither merged, erased nor dead, and not said to have moved away by the newest word of them.
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.birth_date, p.sex, coalesce(e.area, '') as area,
  exists (select from mpi.link l where l.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)) as record
from mpi.person p left join lateral (
  select n.area, n.status from mpi.population_entry n where n.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)
  order by n.as_of desc nulls last, n.loaded desc limit 1) as e on true
where p.person_id > $1 and p.wrap is not null and not p.deceased and coalesce(e.status, 'alive') = 'alive'
  and not exists (select from mpi.merged m where m.person_id = p.person_id)
order by p.person_id limit $2

-- name: forget_coverage
delete from mpi.coverage

-- name: keep_coverage
insert into mpi.coverage (area, sex, age, persons, no_card, no_record, neither, counted)
select a, s, g, p, c, r, n, $1 from unnest($2::text[], $3::text[], $4::smallint[], $5::integer[], $6::integer[], $7::integer[],
  $8::integer[]) as t(a, s, g, p, c, r, n)

-- name: coverage
-- By area of as many digits as $2 below the area $1 ('' = everywhere), sex and age.
select case when area = '' then '' else left(area, $2::integer) end as area, sex, age, sum(persons)::bigint as persons,
  sum(no_card)::bigint as no_card, sum(no_record)::bigint as no_record, sum(neither)::bigint as neither, max(counted) as counted
from mpi.coverage where starts_with(area, $1::text) group by 1, 2, 3 order by 1, 2, 3
