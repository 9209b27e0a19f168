-- name: ask
insert into healthcode.kiosk_session (session, institution, terminal, step, scene, purpose, created, expires)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: session
select session, institution, terminal, step, scene, purpose, state, visit, created, expires
from healthcode.kiosk_session where session = $1

-- name: decide
-- One decision: whoever comes second finds no waiting row.
update healthcode.kiosk_session set state = $2, visit = $3 where session = $1 and state = 'waiting' and expires > $4 returning 1

-- name: forget
delete from healthcode.kiosk_session where expires < $1
