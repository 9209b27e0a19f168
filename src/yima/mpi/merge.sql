-- name: hold
select person_id from mpi.person where person_id = any($1) order by person_id for update

-- name: root
select coalesce((select m.root from mpi.merged m where m.person_id = $1), $1::bigint) as root

-- name: merged_to
select survivor from mpi.merged where person_id = $1

-- name: add_merged
insert into mpi.merged (person_id, survivor, root) values ($1, $2, $2)

-- name: drop_merged
delete from mpi.merged where person_id = $1 returning survivor

-- name: new_roots
-- The end of each chain, worked out from the chains alone: the same acts undone give the same rows.
with recursive chain (person_id, ends) as (
  select m.person_id, m.survivor from mpi.merged m
  union all select c.person_id, m.survivor from chain c join mpi.merged m on m.person_id = c.ends)
update mpi.merged m set root = c.ends from chain c
where c.person_id = m.person_id and not exists (select from mpi.merged n where n.person_id = c.ends) and m.root <> c.ends

-- name: any_apart
-- Whether anybody read as the one is kept apart from anybody read as the other.
select exists (
  select from mpi.apart a
  left join mpi.merged m on m.person_id = a.person_id left join mpi.merged n on n.person_id = a.other
  where (coalesce(m.root, a.person_id), coalesce(n.root, a.other)) in (
    ($1::bigint, coalesce((select root from mpi.merged where person_id = $2), $2::bigint)),
    (coalesce((select root from mpi.merged where person_id = $2), $2::bigint), $1::bigint)))

-- name: add_apart
insert into mpi.apart (person_id, other) values ($1, $2) on conflict do nothing returning true

-- name: drop_apart
delete from mpi.apart where person_id = $1 and other = $2 returning true

-- name: linked_to
select person_id from mpi.link where patient_id = $1

-- name: move_link
update mpi.link set person_id = $2 where patient_id = $1

-- name: add_like
insert into mpi.person (person_id, created, updated, name, latin_name, sex, birth_date, multiple_birth, deceased, wrap)
select $1, $3, $3, name, latin_name, sex, birth_date, multiple_birth, deceased, $4 from mpi.person where person_id = $2

-- name: drop_empty
-- A person that was split off and has nothing of its own.
delete from mpi.person p where p.person_id = $1 and not exists (select from mpi.link l where l.person_id = $1)
  and not exists (select from mpi.identifier i where i.person_id = $1)
  and not exists (select from mpi.merged m where $1 in (m.person_id, m.survivor))
  and not exists (select from mpi.apart a where $1 in (a.person_id, a.other))
returning true

-- name: holder
select person_id from mpi.identifier where digest = $1 and kind = 'national'

-- name: add_frozen
insert into mpi.frozen (digest) values ($1) on conflict do nothing returning true

-- name: drop_frozen
delete from mpi.frozen where digest = $1 returning true

-- name: add_event
insert into mpi.event (person_id, at, kind, other, patient_id, digest, undoes, actor, reason)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning number

-- name: event
select number, at, kind, person_id, other, patient_id, digest, undoes, actor, reason from mpi.event where number = $1

-- name: was_undone
select exists (select from mpi.event where undoes = $1)

-- name: events_of
select number, at, kind, person_id, other, patient_id, digest, undoes, actor, reason from mpi.event
where person_id = $1 or other = $1 order by number
