-- name: count_number
-- One question by a number ($4: its bucket) that found $3, or nobody; the day's counts with it. Who was found before in the
-- day counts once: nobody waters misses down with one patient.
with known as (
  insert into mpi.number_found (person_id, institution_id, day) select $3::bigint, $1, $2 where $3::bigint is not null
  on conflict do nothing returning 1
), near as (
  insert into mpi.number_missed as m (institution_id, day, bucket, missed) select $1, $2, $4, 1 where $3::bigint is null
  on conflict (institution_id, day, bucket) do update set missed = m.missed + 1 returning missed
)
insert into mpi.number_asked as a (institution_id, day, missed, found)
select $1, $2, ($3::bigint is null)::int, (select count(*)::int from known)
on conflict (institution_id, day) do update set missed = a.missed + excluded.missed, found = a.found + excluded.found
returning missed, found, coalesce((select missed from near), (select n.missed from mpi.number_missed as n
  where n.institution_id = $1 and n.day = $2 and n.bucket = $4), 0) as near

-- name: forget_asked
delete from mpi.number_asked where day < $1

-- name: forget_missed
delete from mpi.number_missed where day < $1

-- name: forget_found
delete from mpi.number_found where day < $1
