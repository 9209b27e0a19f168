-- name: lock_keys
select pg_advisory_xact_lock(k) from unnest($1::bigint[]) as k

-- name: try_keys
-- Those that nobody holds, held from now on.
select k from unnest($1::bigint[]) as k where pg_try_advisory_xact_lock(k)

-- name: wait_briefly
set local lock_timeout = '500ms'

-- name: find
select key, submission_id, body_digest, answer from exchange.submission where institution_id = $1 and key = any($2::bytea[])

-- name: answered
select institution_id, key from exchange.submission
where (institution_id, key) in (select * from unnest($1::integer[], $2::bytea[]))

-- name: keep
insert into exchange.submission (institution_id, key, submission_id, body_digest, received, client_id, resources, bytes, ms, request_id, answer)
select * from unnest($1::integer[], $2::bytea[], $3::text[], $4::bytea[], $5::timestamptz[], $6::text[], $7::integer[], $8::integer[],
  $9::real[], $10::text[], $11::bytea[])

-- name: count_repeat
update exchange.submission set repeats = repeats + 1 where institution_id = $1 and key = $2

-- name: keep_refused
insert into exchange.refused (received, institution_id, client_id, bytes, ms, code, field, request_id)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: recent
select received, institution_id, client_id, resources, bytes, ms, case when repeats > 0 then 'repeated' else 'ok' end as outcome,
  '' as code, '' as field, request_id from exchange.submission
union all
select received, institution_id, client_id, 0, bytes, ms, 'refused', code, field, request_id from exchange.refused
order by received desc limit $1

-- name: rates
select minute, count(*) filter (where ok) as ok, count(*) filter (where not ok) as failed from (
  select date_trunc('minute', received) as minute, true as ok from exchange.submission where received >= $1
  union all
  select date_trunc('minute', received), false from exchange.refused where received >= $1) as all_of_them
group by minute order by minute

-- name: by_institution
select institution_id, coalesce(s.ok, 0) as ok, coalesce(r.failed, 0) as failed, coalesce(s.resources, 0) as resources,
  greatest(s.last, r.last) as last, coalesce(s.p50, 0) as p50, coalesce(s.p95, 0) as p95
from (select institution_id, count(*) as ok, sum(resources) as resources, max(received) as last,
        percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.95) within group (order by ms) as p95
      from exchange.submission group by institution_id) as s
full join (select institution_id, count(*) as failed, max(received) as last from exchange.refused group by institution_id) as r
  using (institution_id)
order by last desc

-- name: totals
select count(*) as submissions, coalesce(sum(resources), 0) as resources from exchange.submission

-- name: mistakes
-- What was wrong in what was sent, by kind and place; $2 = 0 for every institution.
select code, regexp_replace(field, '\[[0-9]+\]', '', 'g') as place, count(*) as number from exchange.refused
where received >= $1 and ($2::integer = 0 or institution_id = $2) group by code, place order by number desc limit 40

-- name: forget_answers
update exchange.submission set answer = '' where submission_id = any($1)

-- name: forget
delete from exchange.submission where institution_id = $1

-- name: answers_after
select institution_id, key, answer from exchange.submission where (institution_id, key) > ($1::integer, $2::bytea) and answer <> ''
order by institution_id, key limit $3

-- name: replace_answer
update exchange.submission set answer = $4 where institution_id = $1 and key = $2 and answer = $3
