-- name: put
insert into audit.answered (ids) values ($1)
-- name: noted
select ids from audit.answered where tx < $1
-- name: forget_noted
delete from audit.answered where tx < $1
-- name: forget_answers
delete from audit.answered
-- name: mark
select horizon, waiting from audit.reconciled where one for update
-- name: set_mark
insert into audit.reconciled (one, horizon, waiting) values (true, $1, $2)
on conflict (one) do update set horizon = excluded.horizon, waiting = excluded.waiting
-- name: lines
select request_id, count(*)::int as lines, min(recorded) as first, min(event_id) as line from audit.event
where tx >= $1 and tx < $2 and request_id <> '' group by request_id
