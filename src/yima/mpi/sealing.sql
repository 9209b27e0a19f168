-- name: unsealed
select count(*) as persons from mpi.person where said is null

-- name: next_persons
-- Persons with readable rows; who holds one of them is waited for, as it may write it.
select person_id, wrap, said, name, latin_name, birth_date, phone from mpi.person where said is null order by person_id limit $1 for no key update

-- name: one_person
select wrap from mpi.person where person_id = $1 and said is null and wrap is not null for no key update

-- name: write_persons
update mpi.person p set said = t.said, no_name = t.no_name, birth_digits = t.digits, phone_key = t.phone,
  name = null, latin_name = null, birth_date = null, phone = null
from unnest($1::bigint[], $2::bytea[], $3::boolean[], $4::smallint[], $5::bytea[]) as t(person, said, no_name, digits, phone)
where p.person_id = t.person

-- name: numbers
select person_id, digest, number from mpi.identifier where person_id = any($1)

-- name: write_numbers
update mpi.identifier i set number = t.number from unnest($1::bytea[], $2::bytea[]) as t(digest, number) where i.digest = t.digest

-- name: profiles
select person_id, digest, said from mpi.profile where person_id = any($1)

-- name: forget_profiles
delete from mpi.profile where person_id = any($1)

-- name: write_profiles
-- The same words may have been said again since, and are there under their new digest.
with gone as (
  delete from mpi.profile f using unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[]) as t(person, digest, new, said)
  where f.person_id = t.person and f.digest = t.digest returning t.person, t.new, f.normaliser, t.said)
insert into mpi.profile (person_id, digest, normaliser, said) select person, new, normaliser, said from gone on conflict do nothing

-- name: carried
select person_id, number, digest, said from mpi.carried where person_id = any($1) and said is not null

-- name: write_carried
update mpi.carried k set digest = t.new, said = t.said
from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[]) as t(person, number, digest, new, said)
where k.person_id = t.person and k.number = t.number and k.digest = t.digest

-- name: keys_after
select person_id, wrap from mpi.person where person_id > $1 and wrap is not null order by person_id limit $2

-- name: rewrap
update mpi.person p set wrap = t.new from unnest($1::bigint[], $2::bytea[], $3::bytea[]) as t(person, old, new)
where p.person_id = t.person and p.wrap = t.old and t.old <> t.new

-- name: unsealed_lives
select (select count(*) from mpi.population_entry where said is null) + (select count(*) from mpi.household where said is null)
  + (select count(*) from mpi.population_change where said is null) as rows

-- name: residences
select e.entry, e.person_id, e.area, e.as_of, e.said, p.wrap from mpi.population_entry e left join mpi.person p using (person_id)
where e.said is null order by e.entry limit $1 for update of e

-- name: write_residences
update mpi.population_entry e set said = t.said, area = null, as_of = null from unnest($1::bytea[], $2::bytea[]) as t(entry, said)
where e.entry = t.entry

-- name: places
select h.person_id, h.household, h.relation, h.since, h.until, h.said, p.wrap from mpi.household h left join mpi.person p using (person_id)
where h.said is null order by h.person_id, h.household limit $1 for update of h

-- name: write_places
update mpi.household h set said = t.said, relation = null, since = null, until = null
from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as t(person, household, said)
where h.person_id = t.person and h.household = t.household

-- name: happened
select c.person_id, c.number, c.kind, c.happened, c.dated, c.said, p.wrap from mpi.population_change c left join mpi.person p using (person_id)
where c.said is null order by c.person_id, c.number limit $1 for update of c

-- name: write_happened
update mpi.population_change c set said = t.said, kind = null, happened = null, dated = null
from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as t(person, number, said) where c.person_id = t.person and c.number = t.number
