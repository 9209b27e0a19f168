-- name: moved
-- Cards whose standing is not what their history says. An issued card has no line until something happens to it; an old
-- card that a reissue ended has its line at the new one.
select c.person_id, c.status, coalesce(l.became, 'active') as expected
from healthcode.card as c left join lateral (
  select e.became from healthcode.card_event as e where e.person_id = c.person_id and e.card_id = c.card_id
  order by e.number desc limit 1) as l on true
where c.status <> coalesce(l.became, 'active')
  and not (c.status = 'cancelled' and exists (
    select from healthcode.card_event as e where e.person_id = c.person_id and e.event = 'reissue' and e.at = c.ended))
order by c.person_id limit $1
-- name: alone
-- Suspended without a suspension that two people decided and that stands.
select c.person_id from healthcode.card as c where c.status = 'suspended' and not exists (
  select from healthcode.suspension as s where s.person_id = c.person_id and s.card_id = c.card_id
    and s.approver is not null and s.approver <> s.proposer and s.ended is null and s.ends = c.suspended_until)
order by c.person_id limit $1
-- name: generations
-- Codes die with a new generation: as many as there were events that make one.
select c.person_id from healthcode.card as c where c.ended is null and c.generation <> (
  select count(*) % 256 from healthcode.card_event as e
  where e.person_id = c.person_id and e.event in ('reissue', 'report-found', 'restore'))
order by c.person_id limit $1
-- name: lost_look_up
select c.person_id from healthcode.card as c where c.ended is null and not exists (
  select from healthcode.card_lookup as l where l.card_id = c.card_id and l.holder = c.person_id and l.number = c.number)
order by c.person_id limit $1
-- name: approved
select person_id, approved from healthcode.suspension where approved >= $1
