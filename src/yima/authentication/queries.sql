-- name: enter_attempt
-- Counts a try unless it comes too early; no row then. The wait after `free` failures: 1, 2, 4 .. seconds, $4 at most.
insert into authentication.attempt as a (bucket, failures, last, until) values ($1, 1, $2, $2)
on conflict (bucket) do update set last = $2,
  failures = case when a.last < $5 then 1 else a.failures + 1 end,
  until = case when a.last >= $5 and a.failures >= $3
    then $2 + least($4::integer, power(2, least(a.failures - $3, 20))) * interval '1 second' else $2 end
where a.until <= $2
returning failures

-- name: attempt
select failures, until from authentication.attempt where bucket = $1

-- name: take_attempts_back
update authentication.attempt set failures = greatest(failures - 1, 0), until = least(until, $2) where bucket = any($1)

-- name: drop_attempts
delete from authentication.attempt where bucket = any($1)

-- name: forget_attempts
delete from authentication.attempt where last < $1

-- name: put_session
insert into authentication.session (session_id, digest, kind, subject, method, level, device, opened, seen, proved)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)

-- name: session
select session_id, digest, kind, subject, method, level, device, opened, seen, proved
from authentication.session where session_id = $1

-- name: saw_session
update authentication.session set seen = $2 where session_id = $1 and seen < $2

-- name: renew_session
update authentication.session set digest = $2, method = $3, level = $4, proved = $5, seen = $5 where session_id = $1 returning 1

-- name: sessions_of
select session_id, kind, subject, method, level, device, opened, seen, proved from authentication.session
where kind = $1 and subject = $2 and seen >= $3 and opened >= $4 order by seen desc

-- name: end_session
delete from authentication.session where session_id = $1

-- name: end_sessions
delete from authentication.session where kind = $1 and subject = $2 and session_id <> $3

-- name: forget_sessions
delete from authentication.session where seen < $1 or opened < $2
