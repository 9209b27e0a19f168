-- name: put_key
insert into healthcode.use_key (institution, key, digest, received) values ($1, $2, $3, $4) on conflict do nothing returning 1

-- name: key
select digest from healthcode.use_key where institution = $1 and key = $2

-- name: put_use
insert into healthcode.card_use (person_id, institution, key, visit, step, scene, channel, department, visit_type, cost_types,
  serial, at, received)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: use
select visit from healthcode.card_use where person_id = $1 and institution = $2 and key = $3

-- name: printed_visit
-- The visit that a printed code opened here most recently before the step.
select visit, institution, started, expires from healthcode.visit
where person_id = $1 and institution = $2 and assurance = 'static' and started <= $3 and expires > $3
order by started desc limit 1

-- name: uses_of
select 'verified' as kind, v.institution, v.step, coalesce(v.scene, '') as scene, coalesce(v.channel, '') as channel,
  v.terminal, '' as department, v.started as at, v.visit
from healthcode.visit as v where v.person_id = $1 and v.started >= $2
union all
select case when u.visit = '' then 'unverified' else 'reported' end, u.institution, u.step, u.scene, u.channel, '', u.department,
  u.at, u.visit
from healthcode.card_use as u where u.person_id = $1 and u.at >= $2
order by at desc limit $3

-- name: never_reported
select right(v.visit, 8) as ending, v.step, coalesce(v.channel, '') as channel, v.terminal, v.started as at
from healthcode.visit as v
where v.started >= $2 and v.started < $3 and v.institution = $1
  and not exists (select from healthcode.card_use as u where u.person_id = v.person_id and u.institution = v.institution
    and u.visit = v.visit and u.step = case when v.step like '0101%' then left(v.step, 6) else '000000' end)
order by v.started limit $4

-- name: never_verified
select key, serial, step, channel, department, at from healthcode.card_use
where at >= $2 and at < $3 and institution = $1 and visit = '' order by at limit $4

-- name: forget_day
delete from healthcode.use_day where day = $1::date

-- name: count_day
-- One day of every institution. Missing: verified before $4 (by when a report was due) and not reported for that step.
with verification as (
  select v.institution, case when v.step like '0101%' then left(v.step, 6) else '000000' end as step,
    coalesce(v.channel, '') as channel, v.person_id, v.visit, v.started
  from healthcode.visit as v where v.started >= $2 and v.started < $3
), counted as (
  select v.institution, v.step, v.channel, 1 as verified, 0 as unverified,
    (v.started < $4 and not exists (select from healthcode.card_use as u where u.person_id = v.person_id
      and u.institution = v.institution and u.visit = v.visit and u.step = v.step))::integer as missing
  from verification as v
  union all
  select u.institution, u.step, u.channel, 0, 1, 0 from healthcode.card_use as u where u.at >= $2 and u.at < $3 and u.visit = ''
)
insert into healthcode.use_day (institution, day, step, channel, verified, missing, unverified)
select institution, $1::date, step, channel, sum(verified), sum(missing), sum(unverified) from counted group by institution, step, channel

-- name: days
select institution, day, step, channel, verified, missing, unverified from healthcode.use_day
where ($1::integer is null or institution = $1) and day >= $2 and day <= $3 order by institution, day, step, channel

-- name: forget_redemptions
with old as materialized (select ctid from healthcode.redemption where at < $1 limit $2), gone as (
  delete from healthcode.redemption where ctid = any (array(select ctid from old)) returning 1)
select count(*) from gone
