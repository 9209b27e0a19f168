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

-- name: is_refused
-- Whether on one of these subjects a no stands, or will again when what was said after it has ended.
select 1 from unnest($3::text[], $4::bigint[], $5::text[], $6::text[]) as s (class, institution_id, purpose, resource)
  join consent.standing n using (class, institution_id, purpose, resource)
where n.person_id = any($1) and not n.permit and not n.withdrawn and (n.ends is null or n.ends > $2)
  and not exists (
    select from consent.standing l where l.person_id = any($1) and l.class = n.class
      and l.institution_id = n.institution_id and l.purpose = n.purpose and l.resource = n.resource
      and l.decided > n.decided and (l.starts is null or l.starts <= $2) and l.ends is null)
limit 1

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
select e.person_id, e.institution_id, least(e.expires, x.at) as expires, w.handle is not null as widened
from consent.emergency e left join consent.emergency_widened w on w.person_id = e.person_id and w.handle = e.handle
  left join consent.emergency_closed x on x.person_id = e.person_id and x.handle = e.handle
where e.person_id = $1 and e.handle = $2

-- name: emergencies
select e.person_id, e.handle, e.institution_id, e.practitioner_id, e.terminal, e.ground, e.reason, e.started,
  least(e.expires, x.at) as expires, w.at as widened, w.ground as wider_ground, w.reason as wider_reason
from unnest($1::bigint[], $2::text[]) as asked (person_id, handle)
  join consent.emergency e on e.person_id = asked.person_id and e.handle = asked.handle
  left join consent.emergency_widened w on w.person_id = e.person_id and w.handle = e.handle
  left join consent.emergency_closed x on x.person_id = e.person_id and x.handle = e.handle

-- name: close_emergencies
insert into consent.emergency_closed (person_id, handle, at)
select person_id, handle, $2 from consent.emergency
where expires > $2 and case when $3 = 'practitioner' then practitioner_id else institution_id end = $1
on conflict do nothing returning person_id, handle

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

-- name: hold_mandates
select pg_advisory_xact_lock(hashtextextended('consent.mandate', $1))

-- name: mandates_between
select m.mandate_id, m.person_id, m.agent, m.kind, m.scopes, m.starts, m.ends, m.ended, m.evidence
from consent.mandate as m where m.person_id = any($1) and m.agent = any($2) order by m.starts desc, m.mandate_id

-- name: mandates_ended_by
select m.mandate_id, m.person_id, m.agent, m.kind, m.scopes, m.starts, m.ends, m.ended, m.evidence
from consent.mandate as m where m.person_id = any($1) and m.ended_by = $2 order by m.mandate_id

-- name: propose_removal
insert into consent.removal (person_id, removal_id, agent, legal_basis, reference, reason, bars_until, proposed, proposer)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: decide_removal
select consent.decide_removal($1, $2, $3, $4, $5, $6)

-- name: removal
select person_id, removal_id, agent, legal_basis, reference, reason, bars_until, proposed, proposer, withdrawn, approved,
  approver, undo_proposed, undo_proposer, undo_reason, undone, undone_by
from consent.removal where person_id = $1 and removal_id = $2

-- name: removals
-- Across persons, for those who decide on them.
select person_id, removal_id, agent, legal_basis, reference, reason, bars_until, proposed, proposer, withdrawn, approved,
  approver, undo_proposed, undo_proposer, undo_reason, undone, undone_by
from consent.removal where proposed > $2 or (withdrawn is null and approved is null) or (undone is null and bars_until > $1)
order by proposed desc limit 200

-- name: kept_apart
select distinct person_id, agent from consent.removal
where person_id = any($1) and agent = any($2) and approved is not null and undone is null and bars_until > $3

-- name: kept_from
select distinct agent from consent.removal where person_id = any($1) and approved is not null and undone is null

-- name: removal_counts
select legal_basis, count(*) as number from consent.removal
where approved is not null and undone is null and (approved > $2 or bars_until > $1) group by 1
