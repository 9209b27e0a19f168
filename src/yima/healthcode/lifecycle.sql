-- name: move_card
select healthcode.move_card($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: replace_card
select healthcode.replace_card($1, $2, $3, $4, $5, $6, $7, $8)

-- name: open_cards
select person_id from healthcode.open_cards($1::bigint[], $2::bytea[], $3::text[], $4, $5, $6, $7, $8) as t (person_id)

-- name: history
select card_id, at, event, was, became, actor, reason, legal_basis from healthcode.card_event
where person_id = $1 order by number

-- name: before_death
select was from healthcode.card_event where person_id = $1 and card_id = $2 and event = 'report-death'
order by number desc limit 1

-- name: propose
insert into healthcode.suspension (person_id, suspension_id, card_id, proposed, proposer, reason, legal_basis, ends)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: withdraw_suspension
select healthcode.withdraw_suspension($1, $2, $3, $4)

-- name: suspensions
-- Across persons, for those who decide on them: waiting, running, and ended lately.
select s.person_id, s.suspension_id, s.card_id, s.proposed, s.proposer, s.reason, s.legal_basis, s.ends, s.approver, s.approved,
  s.ended, s.ended_by, c.number
from healthcode.suspension as s join healthcode.card as c on c.person_id = s.person_id and c.card_id = s.card_id
where (s.ended is null and s.ends > $1) or s.ended > $2 order by s.proposed desc limit 200

-- name: suspension
select s.person_id, s.suspension_id, s.card_id, s.proposed, s.proposer, s.reason, s.legal_basis, s.ends, s.approver, s.approved,
  s.ended, s.ended_by, c.number
from healthcode.suspension as s join healthcode.card as c on c.person_id = s.person_id and c.card_id = s.card_id
where s.person_id = $1 and s.suspension_id = $2

-- name: suspensions_of
select s.person_id, s.suspension_id, s.card_id, s.proposed, s.proposer, s.reason, s.legal_basis, s.ends, s.approver, s.approved,
  s.ended, s.ended_by, c.number
from healthcode.suspension as s join healthcode.card as c on c.person_id = s.person_id and c.card_id = s.card_id
where s.person_id = $1 and s.approved is not null order by s.approved desc limit 20

-- name: due
select person_id from healthcode.card where status = 'suspended' and suspended_until <= $1 order by person_id limit 500

-- name: counts
select s.legal_basis, count(*) as cards from healthcode.suspension as s
join healthcode.card as c on c.person_id = s.person_id and c.card_id = s.card_id and c.status = 'suspended'
where s.approved is not null and s.ended is null and s.ends > $1 group by 1

-- name: put_merged
insert into healthcode.merged (person_id, survivor, at) values ($1, $2, $3)
on conflict (person_id) do nothing returning survivor

-- name: merged_into
select survivor from healthcode.merged where person_id = $1

-- name: drop_merged
delete from healthcode.merged where person_id = $1 returning survivor

-- name: survivors
-- The end of each chain, with the card that stands for it. A depth keeps a chain that bites its tail from running for ever.
with recursive chain as (
  select m.person_id, m.survivor, 1 as depth from healthcode.merged as m where m.person_id = any($1::bigint[])
  union all
  select c.person_id, m.survivor, c.depth + 1 from chain as c join healthcode.merged as m on m.person_id = c.survivor
  where c.depth < 20
), ends as (
  select distinct on (person_id) person_id, survivor from chain order by person_id, depth desc
)
select e.person_id, e.survivor, k.card_id from ends as e
left join healthcode.card as k on k.person_id = e.survivor and k.ended is null
