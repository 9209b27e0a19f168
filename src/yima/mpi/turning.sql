-- name: numbers
-- The next of a generation. Who holds one of them is not waited for: it comes with a later step.
select i.digest, i.number, p.wrap from mpi.identifier i join mpi.person p using (person_id)
where i.digest >= $1 and i.digest < $2 order by i.digest limit $3 for update of i skip locked

-- name: turn_numbers
update mpi.identifier i set digest = t.new, number = t.number from unnest($1::bytea[], $2::bytea[], $3::bytea[]) as t(old, new, number)
where i.digest = t.old

-- name: turn_frozen
with turned as (
  update mpi.frozen f set digest = t.new from unnest($1::bytea[], $2::bytea[]) as t(old, new) where f.digest = t.old returning t.old, t.new)
update mpi.event e set digest = t.new from turned t where e.digest = t.old

-- name: disputes
select digest from mpi.frozen where digest >= $1 and digest < $2
union select digest from mpi.event where digest >= $1 and digest < $2

-- name: turn_events
update mpi.event e set digest = t.new from unnest($1::bytea[], $2::bytea[]) as t(old, new) where e.digest = t.old

-- name: persons_after
select person_id from mpi.person where person_id > $1 order by person_id limit $2

-- name: persons_of_keys
-- Whose keys are of a generation: who was held by others, or is no person any more.
select distinct person_id from (select k.person_id from mpi.candidate_key k where k.key >= $1 and k.key <= $2 order by k.key limit $3) as found

-- name: hold
select person_id, wrap, phone_key from mpi.person where person_id = any($1) order by person_id for no key update

-- name: hold_free
-- Those of these whom nobody holds.
select person_id, wrap, phone_key from mpi.person where person_id = any($1) order by person_id for no key update skip locked

-- name: keys
select person_id, key from mpi.candidate_key where person_id = any($1) and key >= $2 and key <= $3

-- name: turn_keys
with gone as (
  delete from mpi.candidate_key k using unnest($1::bigint[], $2::bigint[], $3::bigint[]) as t(person, old, new)
  where k.person_id = t.person and k.key = t.old returning t.person, t.new)
insert into mpi.candidate_key (key, person_id) select new, person from gone order by new, person on conflict do nothing

-- name: profiles
select person_id, digest, said from mpi.profile where person_id = any($1) and get_byte(digest, 0) >> 6 = $2

-- name: turn_profiles
with gone as (
  delete from mpi.profile f using unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[]) as t(person, old, new, said)
  where f.person_id = t.person and f.digest = t.old returning t.person, t.new, f.normaliser, t.said)
insert into mpi.profile (person_id, digest, normaliser, said) select person, new, normaliser, said from gone on conflict do nothing

-- name: carried
select person_id, number, key, digest, said from mpi.carried where person_id = any($1)

-- name: turn_carried
update mpi.carried k set key = t.new_key, digest = t.new_digest, said = t.said
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bytea[])
  as t(person, number, old_key, old_digest, new_key, new_digest, said)
where k.person_id = t.person and k.number = t.number and k.key is not distinct from t.old_key and k.digest is not distinct from t.old_digest

-- name: turn_phones
update mpi.person p set phone_key = t.new from unnest($1::bigint[], $2::bytea[]) as t(person, new) where p.person_id = t.person

-- name: former
select person_id, number, phone_key from mpi.former where person_id = any($1) and phone_key is not null

-- name: turn_former
update mpi.former f set phone_key = t.new from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as t(person, number, new)
where f.person_id = t.person and f.number = t.number

-- name: entries
select entry, content from mpi.population_entry where entry >= $1 and entry < $2 order by entry limit $3 for update skip locked

-- name: these_entries
select entry, content from mpi.population_entry where entry = any($1) for update

-- name: turn_entries
update mpi.population_entry e set entry = t.new, content = t.content from unnest($1::bytea[], $2::bytea[], $3::bytea[]) as t(old, new, content)
where e.entry = t.old

-- name: households
select distinct household from (select household from mpi.household where household >= $1 and household <= $2 order by household limit $3) as found

-- name: households_of
select distinct household from mpi.household where (person_id = any($3) or household = any($4)) and household >= $1 and household <= $2

-- name: turn_households
-- Everybody who lives there at once, so that nobody ever lives there alone.
update mpi.household h set household = t.new from unnest($1::bigint[], $2::bigint[]) as t(old, new) where h.household = t.old

-- name: left
-- What is of a generation: long hashes from $1 to $2, short ones from $3 to $4, with the two top bits $5.
select (select count(*) from mpi.identifier where digest >= $1 and digest < $2) as identifier,
  (select count(*) from mpi.frozen where digest >= $1 and digest < $2) as frozen,
  (select count(*) from mpi.event where digest >= $1 and digest < $2) as event,
  (select count(*) from mpi.person where phone_key >= $1 and phone_key < $2) as person,
  (select count(*) from mpi.former where phone_key >= $1 and phone_key < $2) as former,
  (select count(*) from mpi.population_entry where entry >= $1 and entry < $2) as population_entry,
  (select count(*) from mpi.candidate_key where key >= $3 and key <= $4) as candidate_key,
  (select count(*) from mpi.household where household >= $3 and household <= $4) as household,
  (select count(*) from mpi.profile where get_byte(digest, 0) >> 6 = $5) as profile,
  (select count(*) from mpi.carried where (key >= $3 and key <= $4) or get_byte(digest, 0) >> 6 = $5) as carried

-- name: ends
(select digest from mpi.identifier order by digest limit 1) union all (select digest from mpi.identifier order by digest desc limit 1)
