-- name: issue
-- One card for each person who never had one. A number that is taken leaves the card without its look-up row.
with wanted as (
  select * from unnest($1::bigint[], $2::bytea[], $3::text[]) as w (person_id, card_id, number)
  where not exists (select from healthcode.card as c where c.person_id = w.person_id)
), made as (
  insert into healthcode.card (person_id, card_id, number, profile, issued, kind)
  select person_id, card_id, number, $4, $5, $6 from wanted order by person_id
  on conflict (person_id) where ended is null do nothing
  returning person_id, card_id, number
), found as (
  insert into healthcode.card_lookup (card_id, number, holder)
  select card_id, number, person_id from made order by number
  on conflict (number) do nothing
  returning card_id
)
select made.person_id, made.card_id, found.card_id is not null as findable
from made left join found on found.card_id = made.card_id

-- name: withdraw
select healthcode.withdraw_cards($1::bigint[], $2::bytea[])

-- name: latest_cards
select distinct on (person_id) person_id, card_id, number, status, profile, issued, ended, generation, kind, suspended_until
from healthcode.card where person_id = any($1::bigint[])
order by person_id, (ended is null) desc, issued desc, generation desc

-- name: with_card
select person_id from healthcode.card
where person_id = any($1::bigint[]) and ended is null and status not in ('cancelled', 'deceased', 'merged')

-- name: card_by_id
select c.person_id, c.card_id, c.number, c.status, c.profile, c.issued, c.ended, c.generation, c.kind, c.suspended_until
from healthcode.card_lookup as l join healthcode.card as c on c.person_id = l.holder and c.card_id = l.card_id
where l.card_id = $1

-- name: card_by_number
select c.person_id, c.card_id, c.number, c.status, c.profile, c.issued, c.ended, c.generation, c.kind, c.suspended_until
from healthcode.card_lookup as l join healthcode.card as c on c.person_id = l.holder and c.card_id = l.card_id
where l.number = $1::text::character(16)

-- name: redeem
-- A batch of scans (JSON, as `redeem.Scan` has them): card standing, the one use of each dynamic code, and the visits of
-- those that won. Rows are inserted in key order, so that two workers redeeming the same codes wait for each other and
-- never deadlock. A suspension is over at its end, whether or not anything has ended it.
with scan as materialized (
  select s.*, decode(s.block, 'base64') as p,
    case when s.bearer is not null and exists (
        select from healthcode.bearer_ended as b where b.person_id = s.person and b.bearer = s.bearer) then 'cancelled'
      when c.status = 'suspended' and c.suspended_until <= s.started then 'active' else c.status end as status
  from json_to_recordset($1::text::json) as s (person bigint, card_id text, generation smallint, block text, t integer,
    visit text, institution integer, terminal text, practitioner integer, step text, purpose text, channel text, scene text,
    assurance text, started timestamptz, expires timestamptz, bearer integer)
  -- Lateral, so that each card is found by its index, whatever the planner guesses about the sizes of card and batch.
  left join lateral (
    select card.status, card.suspended_until from healthcode.card
    where card.person_id = s.person and card.ended is null
      and (card.card_id = decode(s.card_id, 'base64') or card.generation = s.generation)
    limit 1
  ) as c on true
), won as (
  insert into healthcode.redemption (person_id, p, t, institution, terminal, visit, at)
  select person, p, t, institution, terminal, visit, started from scan
  where status = 'active' and p is not null
  order by person, p, t
  on conflict (person_id, p, t) do nothing
  returning visit
), opened as (
  insert into healthcode.visit (person_id, visit, institution, terminal, practitioner, step, purpose, channel, scene,
    assurance, started, expires, bearer)
  select person, visit, institution, terminal, practitioner, step, purpose, channel, scene, assurance, started, expires, bearer
  from scan as s
  where s.status = 'active' and (s.p is null or exists (select from won where won.visit = s.visit))
)
select scan.visit, coalesce(scan.status, '') as status, scan.p is null or won.visit is not null as won
from scan left join won on won.visit = scan.visit

-- name: redeemed
select r.person_id, r.p, r.t, r.institution, r.terminal, r.visit, r.at, v.expires
from unnest($1::bigint[], $2::bytea[], $3::integer[]) as k (person_id, p, t)
join healthcode.redemption as r on r.person_id = k.person_id and r.p = k.p and r.t = k.t
join healthcode.visit as v on v.person_id = r.person_id and v.visit = r.visit

-- name: visit
select person_id, visit, institution, terminal, practitioner, step, purpose, assurance, started, expires, channel, scene,
  bearer
from healthcode.visit where person_id = $1 and visit = $2

-- name: visits_behind
select person_id, visit, institution, terminal, practitioner, step, purpose, assurance, started, expires, channel, scene,
  bearer
from healthcode.visit where (person_id, visit) in (select * from unnest($1::bigint[], $2::text[]))

-- name: visits_of
select person_id, visit, institution, terminal, practitioner, step, purpose, assurance, started, expires, channel, scene,
  bearer
from healthcode.visit where person_id = $1 and started >= $2 order by started desc limit $3

-- name: put_visit
insert into healthcode.visit (person_id, visit, institution, terminal, practitioner, step, purpose, assurance, started, expires,
  channel, scene)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: end_visits
with recursive whose (person_id) as (
  select $1::bigint
  union select m.person_id from healthcode.merged as m join whose as w on m.survivor = w.person_id
)
update healthcode.visit as v set expires = $2 from whose where v.person_id = whose.person_id and v.expires > $2 returning 1

-- name: end_late_visits
update healthcode.visit as v set expires = $2
from (select person_id, max(at) as at from healthcode.card_event where at >= $3 and event = any($1::text[]) group by 1) as e
where v.person_id = e.person_id and v.expires > $2 and v.started <= e.at + $4::interval returning 1

-- name: end_bearer
-- The codes of a bearer, and the open visits that they opened.
with codes as (
  insert into healthcode.bearer_ended (person_id, bearer, at) select unnest($1::bigint[]), $2, $3 on conflict do nothing
)
update healthcode.visit set expires = $3 where person_id = any($1) and bearer = $2 and expires > $3 returning 1

-- name: bearer_ended
select 1 from healthcode.bearer_ended where person_id = $1 and bearer = $2

-- name: forget_bearers
delete from healthcode.bearer_ended where at < $1
