-- name: standing
-- The newest that has begun and not ended: after a decision for a while, the one before it counts again. Of two at one
-- moment, no.
select distinct on (class, institution_id, purpose, resource) class, institution_id, permit, ends, starts, purpose, resource,
  withdrawn
from consent.standing
where person_id = any($1) and decided <= $2 and (ends is null or ends > $2) and (starts is null or starts <= $2)
order by class, institution_id, purpose, resource, decided desc, permit

-- name: standing_of_each
-- The same for many persons, each at its own moment.
select distinct on (asked.n, s.class, s.institution_id, s.purpose, s.resource) asked.n, s.class, s.institution_id, s.permit,
  s.ends, s.starts, s.purpose, s.resource, s.withdrawn
from unnest($1::bigint[], $2::timestamptz[]) with ordinality as asked (person_id, at, n)
  join consent.standing s on s.person_id = asked.person_id and s.decided <= asked.at and (s.ends is null or s.ends > asked.at)
    and (s.starts is null or s.starts <= asked.at)
order by asked.n, s.class, s.institution_id, s.purpose, s.resource, s.decided desc, s.permit

-- name: decided
-- The newest of each subject that has not ended, those that have yet to begin among them: what the resident is shown.
select distinct on (class, institution_id, purpose, resource, starts) person_id, standing_id, class, institution_id, permit,
  decided, ends, agent, purpose, starts, resource, withdrawn, wording, visit
from consent.standing where person_id = any($1) and decided <= $2 and (ends is null or ends > $2)
order by class, institution_id, purpose, resource, starts, decided desc, permit

-- name: said_by_id
select decided from consent.standing where person_id = $1 and standing_id = $2

-- name: put
insert into consent.standing (person_id, standing_id, class, institution_id, permit, decided, ends, agent, purpose, starts,
  resource, withdrawn, wording, visit)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- name: put_emergency
insert into consent.emergency (person_id, handle, institution_id, practitioner_id, terminal, reason, started, expires, ground)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: widen_emergency
insert into consent.emergency_widened (person_id, handle, ground, reason, at) values ($1, $2, $3, $4, $5) on conflict do nothing

-- name: emergency
select e.person_id, e.institution_id, e.expires, w.handle is not null as widened
from consent.emergency e left join consent.emergency_widened w on w.person_id = e.person_id and w.handle = e.handle
where e.person_id = $1 and e.handle = $2

-- name: emergencies
select e.person_id, e.handle, e.institution_id, e.practitioner_id, e.terminal, e.ground, e.reason, e.started, e.expires,
  w.at as widened, w.ground as wider_ground, w.reason as wider_reason
from unnest($1::bigint[], $2::text[]) as asked (person_id, handle)
  join consent.emergency e on e.person_id = asked.person_id and e.handle = asked.handle
  left join consent.emergency_widened w on w.person_id = e.person_id and w.handle = e.handle

-- name: opened_since
select person_id, handle, started from consent.emergency where started >= $1

-- name: put_mandate
insert into consent.mandate (person_id, mandate_id, agent, kind, scopes, starts, ends, evidence, recorded_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: put_acting
insert into consent.acting (person_id, mandate_id, acts_for) values ($1, $2, $3)

-- name: mandates_for
select m.mandate_id, m.person_id, m.agent, m.kind, m.scopes, m.starts, m.ends, m.ended, m.evidence
from consent.mandate as m where m.person_id = $1 order by m.starts desc, m.mandate_id

-- name: mandates_of_agent
select m.mandate_id, m.person_id, m.agent, m.kind, m.scopes, m.starts, m.ends, m.ended, m.evidence
from consent.acting as a join consent.mandate as m on m.person_id = a.acts_for and m.mandate_id = a.mandate_id
where a.person_id = $1 order by m.starts desc, m.mandate_id

-- name: end_mandate
update consent.mandate set ended = $3, ended_by = $4 where person_id = $1 and mandate_id = $2 and ended is null
returning agent
