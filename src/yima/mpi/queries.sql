-- name: lock
select pg_advisory_xact_lock(k) from unnest($1::bigint[]) as k order by k

-- name: hold_persons
-- All at once and in one order: two registrations that find the same two persons by different keys must not deadlock.
select person_id from mpi.person where person_id in (
  select i.person_id from mpi.identifier i where i.digest = any($1)
  union all select d.person_id from mpi.demographic d where d.digest = any($2)
  union all select l.person_id from mpi.link l where l.patient_id = $3
  union all select $4::bigint)
order by person_id for no key update

-- name: by_identifiers
select i.digest, i.system, i.patient_id, p.deceased, p.phone_key, p.person_id, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.wrap,
  (select array_agg(n.digest) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as held,
  (select array_agg(n.system) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as systems
from mpi.identifier i join mpi.person p using (person_id) where i.digest = any($1)

-- name: by_patient
select p.deceased, p.phone_key, p.person_id, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.wrap,
  (select array_agg(n.digest) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as held,
  (select array_agg(n.system) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as systems
from mpi.link l join mpi.person p using (person_id) where l.patient_id = $1

-- name: by_person
select p.deceased, p.phone_key, p.person_id, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.wrap,
  (select array_agg(n.digest) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as held,
  (select array_agg(n.system) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as systems
from mpi.person p where p.person_id = $1

-- name: by_demographics
select p.deceased, p.phone_key, p.person_id, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.wrap,
  (select array_agg(n.digest) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as held,
  (select array_agg(n.system) from mpi.identifier n where n.person_id = p.person_id and n.kind = 'national') as systems
from mpi.person p
where p.person_id in (select d.person_id from mpi.demographic d where d.digest = any($1)) order by p.person_id

-- name: add_person
insert into mpi.person (person_id, created, updated, name, latin_name, sex, birth_date, multiple_birth, deceased, wrap, phone, phone_key)
values ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: update_person
update mpi.person set updated = greatest(updated, $2), name = coalesce(nullif($3, ''), name),
  latin_name = coalesce(nullif($4, ''), latin_name),
  sex = case when $5 in ('', 'unknown') then sex else $5 end,
  birth_date = case when length($6) >= length(birth_date) then $6 else birth_date end,
  multiple_birth = coalesce(nullif($7, 0), multiple_birth, $7), deceased = deceased or $8, phone = coalesce($9, phone),
  phone_key = coalesce($10, phone_key)
where person_id = $1

-- name: add_identifiers
insert into mpi.identifier (digest, person_id, kind, system, institution_id, number, created)
select d, $1, k, s, i, n, $6 from unnest($2::bytea[], $3::text[], $4::text[], $5::integer[], $7::bytea[]) as t(d, k, s, i, n)
order by d on conflict (digest) do nothing

-- name: name_patient
update mpi.identifier set patient_id = $3 where person_id = $1 and digest = any($2) and kind = 'local' and patient_id is null

-- name: add_demographics
insert into mpi.demographic (digest, person_id) select d, $2 from unnest($1::bytea[]) as d on conflict do nothing

-- name: add_link
insert into mpi.link (person_id, patient_id, home, institution_id, rule, created) values ($1, $2, $3, $4, $5, $6)
on conflict (person_id, patient_id) do nothing

-- name: add_review
insert into mpi.review (person_id, candidate, institution_id, reason, created) values ($1, $2, $3, $4, $5) on conflict do nothing

-- name: person_of_patient
select person_id from mpi.link where patient_id = $1

-- name: registered_by
select exists (select 1 from mpi.link where patient_id = $1 and institution_id = $2)

-- name: patients_of
select patient_id, home, institution_id, rule from mpi.link where person_id = $1 order by created, patient_id

-- name: find_local
select patient_id, person_id from mpi.identifier where digest = any($1) and institution_id = $2 and kind = 'local'
  and patient_id is not null

-- name: by_document
select person_id from mpi.identifier where digest = $1 and kind = 'national'

-- name: find_national
select l.patient_id, l.person_id from mpi.identifier i join mpi.link l on l.person_id = i.person_id
where i.digest = any($1) and i.kind = 'national' and l.institution_id = $2 order by l.created, l.patient_id

-- name: identities
select person_id, name, latin_name, sex, birth_date, multiple_birth, deceased from mpi.person where person_id = any($1)

-- name: contact
select p.wrap, p.phone, (select i.number from mpi.identifier i where i.person_id = p.person_id and i.kind = 'national' order by i.created, i.digest limit 1) as number
from mpi.person p where p.person_id = $1

-- name: documents
select p.wrap, i.system, i.number from mpi.identifier i join mpi.person p using (person_id)
where i.person_id = $1 and i.kind = 'national' order by i.created, i.digest

-- name: reviews
select review_id, person_id, candidate, institution_id, reason, state, created from mpi.review where state = 'open' order by review_id desc limit $1

-- name: counts
select (select count(*) from mpi.person) as persons, (select count(*) from mpi.review where state = 'open') as reviews

-- name: not_deceased
update mpi.person set deceased = false, updated = greatest(updated, $2) where person_id = $1
