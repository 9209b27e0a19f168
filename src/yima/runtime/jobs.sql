-- name: enqueue
insert into runtime.job (kind, key, payload, due, attempts_left) values ($1, $2, $3::text::jsonb, $4, $5)
on conflict (kind, key) do nothing

-- name: take
update runtime.job as j set leased_until = $3, attempt = j.attempt + 1, attempts_left = j.attempts_left - 1
from (select job_id from runtime.job
      where state = 'waiting' and kind = any($1) and due <= $2 and (leased_until is null or leased_until <= $2)
      order by due limit $4 for update skip locked) as due
where j.job_id = due.job_id
returning j.job_id, j.kind, j.payload::text as payload, j.attempt

-- name: done
update runtime.job set state = 'done', finished = $2, leased_until = null where job_id = $1

-- name: fail
update runtime.job set state = case when attempts_left > 0 then 'waiting' else 'dead' end, error = $2, due = $3, leased_until = null
where job_id = $1

-- name: dead
select job_id, kind, payload::text as payload, attempt from runtime.job where state = 'dead' order by job_id
