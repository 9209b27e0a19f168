-- name: put_counter
insert into healthcode.counter as k (counter_id, institution, department, prefix, name_zh, name_en, location, created)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (institution, prefix) do update set department = excluded.department, name_zh = excluded.name_zh,
  name_en = excluded.name_en, location = excluded.location
returning counter_id, institution, department, prefix, name_zh, name_en, location, status

-- name: counter
select counter_id, institution, department, prefix, name_zh, name_en, location, status
from healthcode.counter where counter_id = $1

-- name: counters
select counter_id, institution, department, prefix, name_zh, name_en, location, status
from healthcode.counter where institution = $1 order by prefix

-- name: set_status
update healthcode.counter set status = $2 where counter_id = $1 returning 1

-- name: begin_queue
insert into healthcode.queue (counter_id, day, last) values ($1, $2, 0) on conflict do nothing

-- name: hold_queue
-- The row is held until the ticket is committed: the next number waits for it, so that none is skipped or given twice.
select last from healthcode.queue where counter_id = $1 and day = $2 for update

-- name: count_queue
update healthcode.queue set last = last + 1 where counter_id = $1 and day = $2 returning last

-- name: own_waiting
select s.person_id as person, s.share_id, s.counter_id, s.institution, s.day, s.number, s.visit, s.phone, s.document, s.state,
  s.created, k.prefix
from healthcode.share as s join healthcode.counter as k using (counter_id)
where s.person_id = $1 and s.counter_id = $2 and s.day = $3 and s.state in ('waiting', 'received', 'called')

-- name: put_share
insert into healthcode.share (person_id, share_id, counter_id, institution, day, number, visit, phone, document, created, changed)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)

-- name: share
select s.person_id as person, s.share_id, s.counter_id, s.institution, s.day, s.number, s.visit, s.phone, s.document, s.state,
  s.created, k.prefix
from healthcode.share as s join healthcode.counter as k using (counter_id) where s.person_id = $1 and s.share_id = $2

-- name: shares_of
select s.person_id as person, s.share_id, s.counter_id, s.institution, s.day, s.number, s.visit, s.phone, s.document, s.state,
  s.created, k.prefix
from healthcode.share as s join healthcode.counter as k using (counter_id)
where s.person_id = $1 and s.day = $2 order by s.created desc

-- name: ahead
select count(*) from healthcode.share
where counter_id = $1 and day = $2 and number < $3 and state in ('waiting', 'received')

-- name: waiting
select s.person_id as person, s.share_id, s.counter_id, s.institution, s.day, s.number, s.visit, s.phone, s.document, s.state,
  s.created, k.prefix
from healthcode.share as s join healthcode.counter as k using (counter_id)
where s.institution = $1 and s.state = 'waiting' and s.created >= $2 and ($3 = '' or k.department = $3)
order by s.created, s.number limit $4

-- name: deliver
update healthcode.share as s set delivered = $3
from unnest($1::bigint[], $2::text[]) as d (person_id, share_id)
where s.person_id = d.person_id and s.share_id = d.share_id and s.delivered is null
returning s.share_id

-- name: mark
update healthcode.share set state = $3, changed = $4 where person_id = $1 and share_id = $2 and state = any ($5::text[]) returning 1

-- name: forget
delete from healthcode.share where created < $1
