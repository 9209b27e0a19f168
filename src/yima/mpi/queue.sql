-- name: unweighed
-- Open reviews nobody has weighed yet, with the pair's own part of the decision that asked for them.
select r.review_id, r.person_id, r.candidate, r.reason, p.deceased or q.deceased as deceased, (
  select e.found from (
    select d.number, jsonb_array_elements(d.evidence->'candidates') as found from mpi.decision d where d.person_id = r.person_id) as e
  where e.found->>'person' = r.candidate::text order by e.number desc limit 1)::text as found
from mpi.review r join mpi.person p on p.person_id = r.person_id join mpi.person q on q.person_id = r.candidate
where r.state = 'open' and r.risk is null order by r.review_id limit $1

-- name: weigh
update mpi.review r set risk = w.risk, bits = w.bits, found = string_to_array(w.found, ' ')
from unnest($1::bigint[], $2::smallint[], $3::real[], $4::text[]) as w(review_id, risk, bits, found)
where r.review_id = w.review_id and r.risk is null

-- name: queue
-- Who was merged meanwhile is no question any more.
select r.review_id, r.person_id, r.candidate, r.institution_id, r.reason, r.state, r.created, r.risk, r.bits, r.found, r.later, r.decided,
  r.decider, r.event
from mpi.review r left join mpi.merged m on m.person_id = r.person_id left join mpi.merged n on n.person_id = r.candidate
where r.state = 'open' and coalesce(r.later, '-infinity') <= $1 and ($2::integer = 0 or r.institution_id = $2)
  and ($3::smallint = 0 or r.risk = $3) and ($4::text = '' or r.reason = $4) and r.created <= $5
  and coalesce(m.root, r.person_id) <> coalesce(n.root, r.candidate)
order by r.risk desc, r.bits desc nulls last, r.review_id limit $6

-- name: case
select review_id, person_id, candidate, institution_id, reason, state, created, risk, bits, found, later, decided, decider, event
from mpi.review where review_id = $1

-- name: case_of
select review_id from mpi.review where (person_id, candidate) in (($1::bigint, $2::bigint), ($2::bigint, $1::bigint)) order by state = 'open' desc, review_id desc limit 1

-- name: waiting
select r.risk, r.reason, r.institution_id, count(*) as number, min(r.created) as oldest
from mpi.review r left join mpi.merged m on m.person_id = r.person_id left join mpi.merged n on n.person_id = r.candidate
where r.state = 'open' and coalesce(r.later, '-infinity') <= $1 and coalesce(m.root, r.person_id) <> coalesce(n.root, r.candidate)
group by r.risk, r.reason, r.institution_id

-- name: ask
-- As in add_reviews.
insert into mpi.review (person_id, candidate, institution_id, reason, created)
select $1, $2, $3, $4, $5
where not exists (
  select from mpi.apart a left join mpi.merged m on m.person_id = a.person_id left join mpi.merged n on n.person_id = a.other
  where (coalesce(m.root, a.person_id), coalesce(n.root, a.other)) in (($1::bigint, $2::bigint), ($2::bigint, $1::bigint)))
on conflict (person_id, candidate, reason) do update set created = mpi.review.created returning review_id

-- name: put_off
update mpi.review set later = $2 where review_id = $1 and state = 'open' returning review_id

-- name: settle
-- Every open question between those who are now one (or never will be).
update mpi.review r set state = $3, decided = $4, decider = $5, event = $6
where r.state = 'open' and (
  (r.person_id = any($1) and r.candidate = any($2)) or (r.person_id = any($2) and r.candidate = any($1)))

-- name: reopen
update mpi.review set state = 'open', decided = null, decider = null, event = null where event = $1

-- name: reopen_parted
-- Said to be one by whatever act, and read as two.
update mpi.review r set state = 'open', decided = null, decider = null, event = null
where r.state = 'same' and (
  (r.person_id = any($1) and r.candidate = any($2)) or (r.person_id = any($2) and r.candidate = any($1)))

-- name: members
-- Everybody who is read as this person.
select $1::bigint as person_id union all select g.person_id from mpi.merged g where g.root = $1

-- name: standing
select bool_or(p.deceased) as deceased, bool_or(p.multiple_birth is not null) as multiple,
  exists (select from mpi.identifier i join mpi.frozen z using (digest) where i.person_id = any($1)) as disputed
from mpi.person p where p.person_id = any($1)

-- name: merged_any
select exists (select from mpi.merged where person_id = any($1) or root = any($1))

-- name: propose
insert into mpi.proposal (person_id, survivor, why, reason, proposer, proposed) values ($1, $2, $3, $4, $5, $6) returning number

-- name: proposals
select p.number, p.person_id, p.survivor, p.why, p.reason, p.proposer, p.proposed, p.accepted, p.decider, p.decided, p.event, p.document, q.wrap
from mpi.proposal p left join mpi.person q using (person_id)
where p.accepted is null or p.decided >= $1 order by p.accepted is null desc, coalesce(p.decided, p.proposed) desc limit 200

-- name: proposal
select p.number, p.person_id, p.survivor, p.why, p.reason, p.proposer, p.proposed, p.accepted, p.decider, p.decided, p.event, p.document, q.wrap
from mpi.proposal p left join mpi.person q using (person_id) where p.number = $1 for update of p

-- name: number_proposals
-- That a number of $1 goes to $2: what waits.
select p.number, p.person_id, p.survivor, p.why, p.reason, p.proposer, p.proposed, p.accepted, p.decider, p.decided, p.event, p.document, q.wrap
from mpi.proposal p left join mpi.person q using (person_id)
where p.accepted is null and p.document is not null and p.person_id = $1 and p.survivor = $2

-- name: data_key
select wrap from mpi.person where person_id = $1

-- name: propose_number
insert into mpi.proposal (person_id, survivor, why, reason, proposer, proposed, document) values ($1, $2, $3, $4, $5, $6, $7) returning number

-- name: same_proposal
select number from mpi.proposal where accepted is null and document is null and (person_id, survivor) in (($1::bigint, $2::bigint), ($2::bigint, $1::bigint)) limit 1

-- name: decide_proposal
update mpi.proposal set accepted = $2, decider = $3, decided = $4, event = $5 where number = $1 and accepted is null returning number

-- name: latest_events
select e.number, e.at, e.kind, e.person_id, e.other, e.patient_id, e.digest, e.undoes, e.actor, e.reason from mpi.event e
where e.number < $1 and ($2::text = '' or e.actor = $2) order by e.number desc limit $3

-- name: undone_of
select undoes from mpi.event where undoes = any($1)

-- name: changes
select e.number, e.at, e.kind, e.person_id, e.other, e.patient_id, e.digest, e.undoes, e.actor, e.reason from mpi.event e
where e.number > $1 and e.kind in ('merge', 'unmerge', 'move', 'split', 'unsplit') order by e.number limit $2

-- name: moved_patients
-- This institution's Patients of those who were merged or taken apart, and single Patients that moved.
with recursive below (person_id) as (
  select p from unnest($2::bigint[]) as p union select m.person_id from below b join mpi.merged m on m.survivor = b.person_id)
select l.patient_id, l.person_id as own, coalesce(m.root, l.person_id) as person_id from mpi.link l left join mpi.merged m on m.person_id = l.person_id
where l.institution_id = $1 and l.person_id in (select b.person_id from below b)
union select l.patient_id, l.person_id, coalesce(m.root, l.person_id) from mpi.link l left join mpi.merged m on m.person_id = l.person_id
where l.institution_id = $1 and l.patient_id = any($3) order by 1

-- name: report_death
update mpi.person set deceased = true, updated = greatest(updated, $2) where person_id = $1
