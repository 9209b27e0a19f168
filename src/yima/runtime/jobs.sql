-- name: enqueue
insert into runtime.job (kind, key, payload, due, attempts_left) values ($1, $2, $3::text::jsonb, $4, $5)
on conflict (kind, key) do nothing

-- name: bury
-- Jobs whose worker died on their last attempt: nobody is left to report them, and another try could kill the next worker.
update runtime.job set state = 'dead', error = 'lease ran out', leased_until = null
where state = 'waiting' and kind = any($1) and attempts_left <= 0 and leased_until <= $2

-- name: take
-- Materialised: a plan that ran the inner query again for each row would take more than the limit.
with due as materialized (
  select job_id from runtime.job
  where state = 'waiting' and kind = any($1) and due <= $2 and attempts_left > 0 and (leased_until is null or leased_until <= $2)
  order by due, job_id limit $4 for update skip locked)
update runtime.job as j set leased_until = $3, attempt = j.attempt + 1, attempts_left = j.attempts_left - 1
from due where j.job_id = due.job_id
returning j.job_id, j.kind, j.payload::text as payload, j.attempt

-- name: done
-- Only the attempt that holds the job may report on it: a worker that comes back after its lease has lost it.
update runtime.job set state = 'done', finished = $3, leased_until = null
where job_id = $1 and attempt = $2 and state = 'waiting'

-- name: fail
update runtime.job set state = case when attempts_left > 0 then 'waiting' else 'dead' end, error = $3, due = $4, leased_until = null
where job_id = $1 and attempt = $2 and state = 'waiting'

-- name: give_back
update runtime.job set attempts_left = attempts_left + 1, leased_until = null where job_id = $1 and attempt = $2 and state = 'waiting'

-- name: dead
select job_id, kind, payload::text as payload, attempt from runtime.job where state = 'dead' order by job_id

-- name: forget_done
delete from runtime.job where state = 'done' and finished < $1

-- name: waiting
select count(*)::int from (select 1 from runtime.job where kind = $1 and state = 'waiting' limit $2) as held
