-- name: hold
select person_id from mpi.person where person_id = any($1) order by person_id for update

-- name: hold_whole
-- Everybody who is read as these.
with roots as (
  select coalesce(m.root, p) as root from unnest($1::bigint[]) as p left join mpi.merged m on m.person_id = p)
select p.person_id from mpi.person p
where p.person_id in (select root from roots union select m.person_id from mpi.merged m where m.root in (select root from roots))
order by p.person_id for update of p

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

-- name: words
select person_id, person_id as own, wrap, said, name, latin_name, birth_date, phone, sex, multiple_birth, deceased
from mpi.person where person_id = $1

-- name: add_like
insert into mpi.person (person_id, created, updated, sex, multiple_birth, deceased, wrap, said, no_name, birth_digits, phone_key)
select $1, $3, $3, sex, multiple_birth, deceased, $4, $5, $6, $7, $8 from mpi.person where person_id = $2

-- name: ask_instead
-- What was asked about $1, who is no person any more, is asked about $2 (but not against $2).
with gone as (delete from mpi.review where $1 in (person_id, candidate) returning *)
insert into mpi.review (person_id, candidate, institution_id, reason, created)
select case when g.person_id = $1 then $2 else g.person_id end, case when g.candidate = $1 then $2 else g.candidate end,
  g.institution_id, g.reason, g.created
from gone g where $2 not in (g.person_id, g.candidate) and g.state = 'open' on conflict do nothing

-- name: drop_empty
-- A person that was split off and has nothing of its own, with what is left of their keys and words.
with keys as (delete from mpi.candidate_key where person_id = $1), words as (delete from mpi.profile where person_id = $1)
delete from mpi.person p where p.person_id = $1 and not exists (select from mpi.link l where l.person_id = $1)
  and not exists (select from mpi.identifier i where i.person_id = $1)
  and not exists (select from mpi.merged m where $1 in (m.person_id, m.survivor))
  and not exists (select from mpi.apart a where $1 in (a.person_id, a.other))
returning true

-- name: holder
-- Held, so that its hash does not change its key before it is frozen or handed over.
select person_id, digest, system, number from mpi.identifier where digest = any($1::bytea[]) and kind = 'national' for update

-- name: add_frozen
insert into mpi.frozen (digest) values ($1) on conflict do nothing returning true

-- name: drop_frozen
delete from mpi.frozen where digest = (select e.digest from mpi.event e where e.number = $1) returning true

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

-- name: carry_keys
-- Of the keys $3 that $1 has, $2 gets all and $1 keeps those in $4.
with taken as (select k.key from mpi.candidate_key k where k.person_id = $1 and k.key = any($3::bigint[])),
given as (
  insert into mpi.candidate_key (key, person_id) select t.key, $2 from taken t order by 1 on conflict do nothing returning key),
dropped as (
  delete from mpi.candidate_key k using taken t where k.person_id = $1 and k.key = t.key and t.key <> all($4::bigint[]))
insert into mpi.carried (person_id, number, key, given)
select $1, $5, t.key, exists (select from given g where g.key = t.key) from taken t

-- name: words_said
select f.digest, f.said, p.wrap from mpi.profile f join mpi.person p using (person_id) where f.person_id = $1 and f.digest = any($2::bytea[])

-- name: carry_words
-- The same of words, by their digests; $6 are these words sealed for $2.
with taken as (
  select f.digest, f.normaliser, f.said, t.sealed from mpi.profile f join unnest($3::bytea[], $6::bytea[]) as t(digest, sealed) using (digest)
  where f.person_id = $1),
given as (
  insert into mpi.profile (person_id, digest, normaliser, said) select $2, t.digest, t.normaliser, t.sealed from taken t
  on conflict do nothing returning digest),
dropped as (
  delete from mpi.profile f using taken t where f.person_id = $1 and f.digest = t.digest and t.digest <> all($4::bytea[]))
insert into mpi.carried (person_id, number, digest, normaliser, said, given)
select $1, $5, t.digest, t.normaliser, t.said, exists (select from given g where g.digest = t.digest) from taken t

-- name: unsay
-- Call $1 by the words $5-$8 and the sex $4 since act $2, and keep how they were called.
with held as (
  insert into mpi.former (person_id, number, updated, renamed, sex, said, no_name, birth_digits, phone_key)
  select person_id, $2, updated, $3, sex, said, no_name, birth_digits, phone_key from mpi.person where person_id = $1)
update mpi.person set updated = $3, sex = $4, said = $5, no_name = $6, birth_digits = $7, phone_key = $8 where person_id = $1

-- name: say_again
with back as (delete from mpi.former where person_id = $1 and number = $2 returning *)
update mpi.person p set updated = b.updated, sex = b.sex, said = b.said, no_name = b.no_name, birth_digits = b.birth_digits,
  phone_key = b.phone_key
from back b where p.person_id = b.person_id and p.updated = b.renamed

-- name: forget_former
delete from mpi.former f using mpi.event e
where e.patient_id = any($1) and e.person_id = f.person_id and e.number = f.number

-- name: forget_carried
delete from mpi.carried k using mpi.event e
where e.patient_id = any($1) and e.person_id = k.person_id and e.number = k.number

-- name: carried_keys
select key, digest from mpi.carried where person_id = $1 and number = $2

-- name: forget_act
delete from mpi.carried where person_id = $1 and number = $2

-- name: forget_called
delete from mpi.former where person_id = $1 and number = $2

-- name: numbers_held
select person_id, digest, system, number from mpi.identifier where person_id = $1 and kind = 'national' order by digest

-- name: hand_number
update mpi.identifier set person_id = $2, number = $3 where digest = $1

-- name: give_keys
-- $2 gets the keys $3 of a number; $1 keeps those of them that other numbers give ($4). Of act $5: `given` to $2, else taken from $1.
with given as (
  insert into mpi.candidate_key (key, person_id) select k, $2 from unnest($3::bigint[]) as k order by k on conflict do nothing returning key),
taken as (
  delete from mpi.candidate_key k where k.person_id = $1 and k.key = any($3::bigint[]) and k.key <> all($4::bigint[]) returning k.key)
insert into mpi.carried (person_id, number, key, given)
select $1::bigint, $5::bigint, g.key, true from given g union all select $1, $5, t.key, false from taken t

-- name: every_word
select digest, said from mpi.profile where person_id = $1 order by digest

-- name: unsay_number
-- Words $2 of $1 become $3, sealed as $4, by act $5: those of before are `carried`, `given` are those that are new.
with gone as (delete from mpi.profile where person_id = $1 and digest = $2 returning normaliser, said),
made as (
  insert into mpi.profile (person_id, digest, normaliser, said) select $1, $3, g.normaliser, $4 from gone g
  on conflict do nothing returning normaliser)
insert into mpi.carried (person_id, number, digest, normaliser, said, given)
select $1::bigint, $5::bigint, $2::bytea, g.normaliser, g.said, false from gone g
union all select $1, $5, $3::bytea, m.normaliser, $4::bytea, true from made m

-- name: end_dispute
-- A row without key and words says that there was one.
with over as (delete from mpi.frozen where digest = $3 returning true as given)
insert into mpi.carried (person_id, number, given) select $1, $2, o.given from over o

-- name: number_back
-- What act $3 made of the number $4 of $1, whom it had given to $2.
with back as (delete from mpi.carried where person_id = $1 and number = $3 returning key, digest, normaliser, said, given),
keys as (
  insert into mpi.candidate_key (key, person_id) select b.key, $1 from back b where b.key is not null and not b.given order by 1
  on conflict do nothing),
no_keys as (delete from mpi.candidate_key k using back b where k.person_id = $2 and k.key = b.key and b.given),
words as (
  insert into mpi.profile (person_id, digest, normaliser, said)
  select $1, b.digest, b.normaliser, b.said from back b where b.digest is not null and not b.given on conflict do nothing),
dispute as (insert into mpi.frozen (digest) select $4 from back b where b.key is null and b.digest is null on conflict do nothing)
delete from mpi.profile f using back b where f.person_id = $1 and f.digest = b.digest and b.given

-- name: bring_back
-- What act $3 carried from $1 to $2.
with back as (delete from mpi.carried where person_id = $1 and number = $3 returning key, digest, normaliser, said, given),
keys as (
  insert into mpi.candidate_key (key, person_id) select b.key, $1 from back b where b.key is not null order by 1
  on conflict do nothing),
words as (
  insert into mpi.profile (person_id, digest, normaliser, said)
  select $1, b.digest, b.normaliser, b.said from back b where b.digest is not null on conflict do nothing),
no_keys as (
  delete from mpi.candidate_key k using back b where k.person_id = $2 and k.key = b.key and b.given)
delete from mpi.profile f using back b where f.person_id = $2 and f.digest = b.digest and b.given
