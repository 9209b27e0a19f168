-- name: attempts
select bucket from authentication.attempt where bucket >= $1 and bucket < $2 order by bucket limit $3

-- name: turn_attempts
-- Under both keys only for a moment of a rotation: the failures of both count.
with gone as (
  delete from authentication.attempt a using unnest($1::bytea[], $2::bytea[]) as t(old, new) where a.bucket = t.old
  returning t.new, a.failures, a.last, a.until)
insert into authentication.attempt as a (bucket, failures, last, until) select new, failures, last, until from gone order by new
on conflict (bucket) do update set failures = a.failures + excluded.failures, last = greatest(a.last, excluded.last),
  until = greatest(a.until, excluded.until)

-- name: codes
select challenge, phone, code from authentication.phone_code where phone >= $1 and phone < $2 limit $3

-- name: turn_codes
update authentication.phone_code c set phone = t.phone, code = t.code from unnest($1::text[], $2::bytea[], $3::bytea[]) as t(challenge, phone, code)
where c.challenge = t.challenge

-- name: proofs
select phone from authentication.proofed_phone where phone >= $1 and phone < $2 order by phone limit $3

-- name: turn_proofs
with gone as (
  delete from authentication.proofed_phone p using (select distinct * from unnest($1::bytea[], $2::bytea[])) as t(old, new)
  where p.phone = t.old returning p.subject, t.new, p.staff, p.at)
insert into authentication.proofed_phone (subject, phone, staff, at) select subject, new, staff, at from gone on conflict do nothing

-- name: left
select (select count(*) from authentication.attempt where bucket >= $1 and bucket < $2) as attempt,
  (select count(*) from authentication.phone_code where phone >= $1 and phone < $2) as phone_code,
  (select count(*) from authentication.proofed_phone where phone >= $1 and phone < $2) as proofed_phone
