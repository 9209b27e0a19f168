-- name: entries
select e.entry, e.person_id as own, coalesce(m.root, e.person_id) as person_id, e.content, e.status from mpi.population_entry e
  left join mpi.merged m using (person_id) where e.entry = any($1::bytea[])

-- name: wraps
select person_id, wrap from mpi.person where person_id = any($1)

-- name: before
-- The rows as they are kept, held until the transaction ends: an older word never takes the place of a newer one.
select e.entry, e.person_id, e.area, e.as_of, e.said, p.wrap from mpi.population_entry e left join mpi.person p using (person_id)
where e.entry = any($1) order by e.entry for update of e

-- name: keep_entries
insert into mpi.population_entry as e (entry, person_id, institution_id, content, status, said, loaded)
select r, p, $1, n, s, d, $2 from unnest($3::bytea[], $4::bigint[], $5::bytea[], $6::text[], $7::bytea[])
  as t(r, p, n, s, d) order by r
on conflict (entry) do update set person_id = excluded.person_id, content = excluded.content, area = null, as_of = null,
  status = excluded.status, said = excluded.said, loaded = excluded.loaded

-- name: homes
select h.person_id, h.household, h.relation, h.since, h.until, h.said, p.wrap from mpi.household h left join mpi.person p using (person_id)
where h.person_id = any($1) order by h.person_id, h.household for update of h

-- name: keep_homes
insert into mpi.household (person_id, household, said)
select p, h, d from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as t(p, h, d) order by p, h
on conflict (person_id, household) do update set said = excluded.said, relation = null, since = null, until = null

-- name: changes
select c.person_id, c.institution_id, c.kind, c.happened, c.dated, c.said, p.wrap from mpi.population_change c
  left join mpi.person p using (person_id) where c.person_id = any($1)

-- name: keep_changes
insert into mpi.population_change (person_id, institution_id, said, recorded)
select p, $1, s, $2 from unnest($3::bigint[], $4::bytea[]) as t(p, s)

-- name: households_of
-- The person's households and everybody who is or was in them.
select h.household, h.person_id, h.relation, h.since, h.until, h.said, p.wrap from mpi.household h left join mpi.person p using (person_id)
where h.household in (
  select o.household from mpi.household o where o.person_id in (
    select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1))

-- name: changes_of
select c.person_id, c.institution_id, c.kind, c.happened, c.dated, c.said, c.recorded, p.wrap from mpi.population_change c
  left join mpi.person p using (person_id) where c.person_id in (
    select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1)

-- name: living
-- Persons after $1, in order, neither merged, erased nor dead; with what bases say of each, row by row, newest loading first.
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.birth_date, p.sex,
  exists (select from mpi.link l where l.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)) as record,
  e.persons, e.wraps, e.lives, e.areas, e.days, e.statuses
from mpi.person p left join lateral (
  select array_agg(n.person_id order by n.loaded desc) as persons, array_agg(q.wrap order by n.loaded desc) as wraps,
    array_agg(n.said order by n.loaded desc) as lives, array_agg(n.area order by n.loaded desc) as areas,
    array_agg(n.as_of order by n.loaded desc) as days, array_agg(n.status order by n.loaded desc) as statuses
  from mpi.population_entry n join mpi.person q on q.person_id = n.person_id where n.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)) as e on true
where p.person_id > $1 and p.wrap is not null and not p.deceased
  and not exists (select from mpi.merged g join mpi.person q using (person_id) where g.root = p.person_id and q.deceased)
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
