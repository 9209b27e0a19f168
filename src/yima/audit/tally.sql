-- name: add
insert into audit.tally (day, institution, action, outcome, lines)
select * from unnest($1::date[], $2::integer[], $3::text[], $4::text[], $5::bigint[])
on conflict (day, institution, action, outcome) do update set lines = tally.lines + excluded.lines
-- name: since
select day, institution, action, outcome, lines from audit.tally where day >= $1 order by day, institution, action, outcome
-- name: put_verification
insert into audit.verification (at, lines, found) values ($1, $2, $3) on conflict do nothing
-- name: last_verification
select at, lines, found from audit.verification order by at desc limit 1
