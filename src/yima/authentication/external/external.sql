-- name: put_provider
insert into authentication.provider as p (provider_id, kind, institution, issuer, client_id, wrap, secret, levels, level,
  hosts, private, name_zh, name_en, status, made)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'active', $14)
on conflict (provider_id) do update set institution = $3, client_id = $5, wrap = $6, secret = $7, levels = $8, level = $9,
  hosts = $10, private = $11, name_zh = $12, name_en = $13
where p.issuer = $4 and p.kind = $2 returning 1

-- name: providers
select provider_id, kind, institution, issuer, client_id, wrap, secret, levels, level, hosts, private, name_zh, name_en, status
from authentication.provider order by provider_id

-- name: provider
select provider_id, kind, institution, issuer, client_id, wrap, secret, levels, level, hosts, private, name_zh, name_en, status
from authentication.provider where provider_id = $1

-- name: provider_status
update authentication.provider set status = $2 where provider_id = $1 returning 1

-- name: drop_provider
delete from authentication.provider where provider_id = $1 returning 1

-- name: end_provider_sessions
delete from authentication.session where provider = $1

-- name: end_one_session
delete from authentication.session where provider = $1 and provider_session = $2

-- name: end_subject_sessions
delete from authentication.session s using authentication.provider_subject p, authentication.account a
where p.provider_id = $1 and p.subject = $2 and a.account_id = p.account_id
  and s.provider = $1 and s.kind = a.kind and s.subject = a.subject
  and ($3::bytea is null or s.provider_session is null or s.provider_session = $3)

-- name: bind
insert into authentication.provider_subject (provider_id, subject, account_id, made) values ($1, $2, $3, $4)
on conflict do nothing returning 1

-- name: bound_account
update authentication.provider_subject p set used = $3 from authentication.account a
where p.provider_id = $1 and p.subject = $2 and a.account_id = p.account_id
returning a.account_id, a.kind, a.subject, a.name, a.password, a.wrap, a.totp, a.totp_step, a.made

-- name: bound
select s.provider_id, s.made, s.used, p.name_zh, p.name_en, p.status
from authentication.provider_subject s join authentication.provider p using (provider_id)
where s.account_id = $1 order by s.made

-- name: unbind
delete from authentication.provider_subject where account_id = $1 and provider_id = $2 returning 1

-- name: end_sessions_by
delete from authentication.session where kind = $1 and subject = $2 and provider = $3 and session_id <> $4

-- name: put_trip
insert into authentication.trip (state, provider_id, browser, carried, made, expires) values ($1, $2, $3, $4, $5, $6)

-- name: take_trip
delete from authentication.trip where state = $1 and provider_id = $2 and browser = any($3) and expires > $4
returning carried, made

-- name: forget_trips
delete from authentication.trip where expires < $1
