-- name: standing
-- The newest that has not ended: after a decision for a while, the one before it counts again. Of two at one moment, no.
select distinct on (class, institution_id) class, institution_id, permit, decided, ends
from consent.standing where person_id = any($1) and decided <= $2 and (ends is null or ends > $2)
order by class, institution_id, decided desc, permit

-- name: put
insert into consent.standing (person_id, standing_id, class, institution_id, permit, decided, ends, agent)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: put_emergency
insert into consent.emergency (person_id, handle, institution_id, practitioner_id, terminal, reason, started, expires)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: emergency
select person_id, institution_id, expires from consent.emergency where person_id = $1 and handle = $2
