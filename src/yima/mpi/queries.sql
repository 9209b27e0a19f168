-- name: known
select * from mpi.known($1::bigint[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[])

-- name: sharing
-- Many numbers come as text: the driver looks at each element of an array, which took longer than the writing of it.
select * from mpi.sharing($1::text::integer[], $2::text::integer[], $3::text::bigint[], $4::integer, $5::smallint, $6::integer[])

-- name: said_before
-- What was said of person $1, where another institution than $2 knows them as well.
select f.person_id, f.digest, f.said, p.wrap from mpi.profile f join mpi.person p using (person_id)
where f.person_id = $1 and f.normaliser = $3 and (
  exists (select from mpi.link l where l.person_id = $1 and l.institution_id <> $2)
  or exists (select from mpi.population_entry e where e.person_id = $1 and e.institution_id <> $2))
order by f.digest

-- name: profiles_of
select f.person_id, f.digest, f.said, p.wrap from mpi.profile f join mpi.person p using (person_id)
where f.normaliser = $2 and f.person_id in (select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1)
order by f.person_id, f.digest

-- name: note
-- What registrations add: new persons ($3 to $11), numbers ($12 to $17), candidate keys ($18, $19), words ($20 to $22), decisions ($23, $24).
select mpi.note($1::timestamptz, $2::smallint, $3::bigint[], $4::text[], $5::integer[], $6::boolean[], $7::bytea[],
  $8::bytea[], $9::boolean[], $10::smallint[], $11::bytea[], $12::bytea[], $13::bigint[], $14::text[], $15::text[],
  $16::integer[], $17::bytea[], $18::text::bigint[], $19::text::bigint[], $20::bigint[], $21::bytea[], $22::bytea[], $23::bigint[],
  $24::jsonb[])

-- name: update_person
update mpi.person set updated = greatest(updated, $2), sex = case when $3 in ('', 'unknown') then sex else $3 end,
  multiple_birth = coalesce(nullif($4, 0), multiple_birth, $4), deceased = deceased or $5,
  said = $6, no_name = $7, birth_digits = $8, phone_key = $9, name = null, latin_name = null, birth_date = null, phone = null
where person_id = $1

-- name: registered_by
select exists (select 1 from mpi.link where patient_id = $1 and institution_id = $2)

-- name: identities
-- A death is theirs of whichever of those who are read as one it was told.
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.deceased or exists (
    select from mpi.merged g join mpi.person q using (person_id) where g.root = p.person_id and q.deceased) as deceased
from mpi.person p where p.person_id = any($1)

-- name: reviews
select review_id, person_id, candidate, institution_id, reason, state, created from mpi.review where state = 'open' order by review_id desc limit $1

-- name: not_deceased
-- Of all who are read as one with $1.
with whole as (select coalesce((select m.root from mpi.merged m where m.person_id = $1), $1::bigint) as root)
update mpi.person p set deceased = false, updated = greatest(p.updated, $2) from whole w
where p.deceased and (p.person_id = w.root or p.person_id in (select g.person_id from mpi.merged g where g.root = w.root))

-- name: add_link
with linked as (
  insert into mpi.link (person_id, patient_id, home, institution_id, rule, created)
  select $1, $2, $3, $4, $5, $6 where not exists ( -- who is read as one with them has it already, and keeps it
    select from mpi.link l left join mpi.merged m using (person_id) where l.patient_id = $2
      and coalesce(m.root, l.person_id) = coalesce((select o.root from mpi.merged o where o.person_id = $1), $1::bigint))
  on conflict (person_id, patient_id) do nothing)
-- Not `kind = 'local'`: while statistics know few of those, the planner would walk the partial index of all of them.
update mpi.identifier set patient_id = $2 where digest = any($7) and kind <> 'national' and patient_id is null
  and (person_id = $1 or person_id = (select l.person_id from mpi.link l where l.patient_id = $2))

-- name: add_reviews
-- Of persons as they are read: who was said never to be one is not asked about, nor who was merged with them since.
insert into mpi.review (person_id, candidate, institution_id, reason, created)
select $1, c, $3, $4, $5 from unnest($2::bigint[]) as c
where not exists (
  select from mpi.apart a left join mpi.merged m on m.person_id = a.person_id left join mpi.merged n on n.person_id = a.other
  where (coalesce(m.root, a.person_id), coalesce(n.root, a.other)) in (($1::bigint, c), (c, $1::bigint)))
on conflict do nothing

-- name: person_of_patient
select coalesce(m.root, l.person_id) as person_id from mpi.link l left join mpi.merged m using (person_id) where l.patient_id = $1

-- name: patients_of
select patient_id, home, institution_id, rule from mpi.link
where person_id in (select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1) order by created, patient_id

-- name: beside
select patient_id from mpi.link where person_id = (select l.person_id from mpi.link l where l.patient_id = $1) order by patient_id

-- name: persons_of_patients
select l.patient_id, coalesce(m.root, l.person_id) as person_id from unnest($1::text[]) as asked (patient_id)
  join mpi.link l using (patient_id) left join mpi.merged m using (person_id)

-- name: wholes_of
-- As whom each is read, everybody who is read so, their Patients and where these lie, and whether others' lie in a home of theirs.
with asked as (
  select a.person_id, coalesce(m.root, a.person_id) as root from unnest($1::bigint[]) as a (person_id)
    left join mpi.merged m using (person_id)),
members as (
  select a.person_id, a.root, a.root as member from asked a
  union all select a.person_id, a.root, g.person_id from asked a join mpi.merged g on g.root = a.root)
select m.person_id, m.root, m.member, l.home, l.patient_id,
  exists (select from mpi.link o where o.home = m.member and o.home <> o.person_id) as shared
from members m left join mpi.link l on l.person_id = m.member

-- name: shared_homes
select distinct home from mpi.link where home <> person_id

-- name: given_back
-- Persons to whom a Patient of these was split off, until that was undone.
select e.other from mpi.event e where e.person_id = any($1) and e.kind = 'split'
  and not exists (select from mpi.person p where p.person_id = e.other)

-- name: find_local
select i.patient_id, coalesce(m.root, l.person_id) as person_id from mpi.identifier i join mpi.link l using (patient_id)
  left join mpi.merged m on m.person_id = l.person_id
where i.digest = any($1) and i.institution_id = $2 and i.kind <> 'national' -- as in add_link

-- name: by_document
select coalesce(m.root, i.person_id) as person_id from mpi.identifier i left join mpi.merged m using (person_id)
where i.digest = any($1::bytea[]) and i.kind = 'national'

-- name: holder_of
select person_id from mpi.identifier where digest = any($1::bytea[]) and kind = 'national'

-- name: find_national
select l.patient_id, coalesce(m.root, i.person_id) as person_id from mpi.identifier i left join mpi.merged m using (person_id)
  join mpi.link l on l.person_id in (
    select coalesce(m.root, i.person_id) union all select g.person_id from mpi.merged g where g.root = coalesce(m.root, i.person_id))
where i.digest = any($1) and i.kind = 'national' and l.institution_id = $2 order by l.created, l.patient_id

-- name: contact
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.birth_date, p.phone, i.wrap as number_wrap, i.digest, i.number
from mpi.person p left join lateral (
  select q.wrap, i.digest, i.number from mpi.identifier i join mpi.person q using (person_id)
  where i.kind = 'national' and i.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)
  order by i.created, i.digest limit 1) as i on true
where p.person_id = $1

-- name: documents
select p.wrap, i.system, i.digest, i.number from mpi.identifier i join mpi.person p using (person_id)
where i.kind = 'national' and i.person_id in (select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1)
order by i.created, i.digest

-- name: counts
select (select count(*) from mpi.person) - (select count(*) from mpi.merged) as persons,
  (select count(*) from mpi.review where state = 'open') as reviews

-- name: not_keyed
-- Persons without a profile of this normaliser, after $2, in order.
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.phone from mpi.person p
where p.person_id > $2 and p.wrap is not null
  and not exists (select from mpi.profile f where f.person_id = p.person_id and f.normaliser = $1)
order by p.person_id limit $3

-- name: scored_decisions
-- Those after ($1, $2) that a model had a part in, in order.
select person_id, number, kind, evidence from mpi.decision where (person_id, number) > ($1::bigint, $2::bigint) and model <> ''
order by person_id, number limit $3

-- name: rekey
with forgotten as (delete from mpi.profile where person_id = $1 and normaliser <> $4),
keyed as (insert into mpi.candidate_key (key, person_id) select k, $1 from unnest($2::bigint[]) as k order by k on conflict do nothing)
insert into mpi.profile (person_id, digest, normaliser, said) values ($1, $3, $4, $5) on conflict do nothing

-- name: to_link
-- Persons who are read as themselves, after $1, each with a document (a resident number before others).
select p.person_id, p.wrap, p.said, p.name, p.latin_name, p.sex, p.birth_date, p.multiple_birth, p.phone,
  i.system, i.digest, i.number, i.wrap as number_wrap
from mpi.person p left join lateral (
  select q.wrap, i.system, i.digest, i.number from mpi.identifier i join mpi.person q using (person_id)
  where i.kind = 'national' and q.wrap is not null and i.person_id in (
    select p.person_id union all select g.person_id from mpi.merged g where g.root = p.person_id)
  order by i.system = $3 desc, i.created, i.digest limit 1) as i on true
where p.person_id > $1 and p.wrap is not null and not exists (select from mpi.merged m where m.person_id = p.person_id)
order by p.person_id limit $2
