-- name: count_quality
insert into mpi.quality (day, institution_id, patients, no_name, no_birth_date, no_sex, no_document, no_phone, doubtful, same)
select $1::date, l.institution_id, count(*),
  count(*) filter (where coalesce(p.no_name, p.name = '' or p.name ~ '之[长次三大小]?[子女婴]|婴儿|无名氏|未知|不详')),
  count(*) filter (where coalesce(p.birth_digits, length(p.birth_date)) < 10), count(*) filter (where p.sex not in ('male', 'female')),
  count(*) filter (where not exists (select from mpi.identifier i where i.person_id = p.person_id and i.kind = 'national')),
  count(*) filter (where p.phone_key is null),
  coalesce((select count(*) from mpi.review r where r.institution_id = l.institution_id), 0),
  coalesce((select count(*) from mpi.review r where r.institution_id = l.institution_id and r.state = 'same'), 0)
from mpi.link l join mpi.person p on p.person_id = l.person_id
group by l.institution_id
on conflict (day, institution_id) do update set patients = excluded.patients, no_name = excluded.no_name,
  no_birth_date = excluded.no_birth_date, no_sex = excluded.no_sex, no_document = excluded.no_document, no_phone = excluded.no_phone,
  doubtful = excluded.doubtful, same = excluded.same

-- name: count_queue
insert into mpi.queue_day (day, waiting, oldest_days, came, decided, merged, undone)
select $1::date,
  (select count(*) from mpi.review r left join mpi.merged m on m.person_id = r.person_id left join mpi.merged n on n.person_id = r.candidate
   where r.state = 'open' and r.created < $3 and coalesce(m.root, r.person_id) <> coalesce(n.root, r.candidate)),
  coalesce((select extract(day from $3::timestamptz - min(created)) from mpi.review where state = 'open' and created < $3), 0)::integer,
  (select count(*) from mpi.review where created >= $2 and created < $3),
  (select count(*) from mpi.review where decided >= $2 and decided < $3),
  (select count(*) from mpi.event where kind = 'merge' and at >= $2 and at < $3),
  (select count(*) from mpi.event where undoes is not null and at >= $2 and at < $3)
on conflict (day) do update set waiting = excluded.waiting, oldest_days = excluded.oldest_days, came = excluded.came,
  decided = excluded.decided, merged = excluded.merged, undone = excluded.undone

-- name: quality
select day, institution_id, patients, no_name, no_birth_date, no_sex, no_document, no_phone, doubtful, same from mpi.quality
where day = (select max(day) from mpi.quality) order by patients desc

-- name: queue_days
select day, waiting, oldest_days, came, decided, merged, undone from mpi.queue_day where day > $1 order by day

-- name: tell_stranger
-- Counted and limited in one statement: null when the day's limit would be passed.
insert into mpi.told as t (institution_id, day, strangers) select $1, $2, $3::integer where $3::integer <= $4::integer
on conflict (institution_id, day) do update set strangers = t.strangers + $3 where t.strangers + $3 <= $4
returning strangers
