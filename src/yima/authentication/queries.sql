-- name: enter_attempt
-- Counts a try unless it comes too early; no row then. The wait after `free` failures: 1, 2, 4 .. seconds, $4 at most.
insert into authentication.attempt as a (bucket, failures, last, until) values ($1, 1, $2, $2)
on conflict (bucket) do update set last = $2,
  failures = case when a.last < $5 then 1 else a.failures + 1 end,
  until = case when a.last >= $5 and a.failures >= $3
    then $2 + least($4::integer, power(2, least(a.failures - $3, 20))) * interval '1 second' else $2 end
where a.until <= $2
returning failures

-- name: attempt
select failures, until from authentication.attempt where bucket = $1

-- name: take_attempts_back
update authentication.attempt set failures = greatest(failures - 1, 0), until = least(until, $2) where bucket = any($1)

-- name: drop_attempts
delete from authentication.attempt where bucket = any($1)

-- name: hold_provider
-- Held until the end of the transaction: who suspends it meanwhile waits, and then ends what was opened.
select 1 from authentication.provider where provider_id = $1 and status = 'active' for share

-- name: put_session
insert into authentication.session (session_id, digest, kind, subject, method, level, proved, device, opened, seen,
  provider, provider_session)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)

-- name: session
select session_id, digest, kind, subject, method, level, device, opened, seen, proved, provider
from authentication.session where session_id = $1

-- name: saw_session
update authentication.session set seen = $2 where session_id = $1 and seen < $2

-- name: renew_session
update authentication.session set digest = $2, method = $3, level = $4, proved = $5, seen = $6,
  provider_session = case when provider = $7 then coalesce($8, provider_session) else provider_session end
where session_id = $1 returning 1

-- name: sessions_of
select session_id, kind, subject, method, level, device, opened, seen, proved, provider from authentication.session
where kind = $1 and subject = $2 and seen >= $3 and opened >= $4 order by seen desc

-- name: end_session
delete from authentication.session where session_id = $1

-- name: end_sessions
delete from authentication.session where kind = $1 and subject = $2 and session_id <> $3 returning 1

-- name: session_stands
select 1 from authentication.session where session_id = $1

-- name: put_account
insert into authentication.account (account_id, kind, subject, name, password, wrap, totp, totp_step, made)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: account_by_name
select account_id, kind, subject, name, password, wrap, totp, totp_step, made from authentication.account
where kind = $1 and name = $2

-- name: account
select account_id, kind, subject, name, password, wrap, totp, totp_step, made from authentication.account
where kind = $1 and subject = $2

-- name: drop_account
delete from authentication.account where kind = $1 and subject = $2 returning 1

-- name: set_password
update authentication.account set password = $2 where account_id = $1

-- name: set_password_and_totp
update authentication.account set password = $2, wrap = $3, totp = $4, totp_step = $5, name = $6 where account_id = $1

-- name: take_step
update authentication.account set totp_step = $2 where account_id = $1 and totp_step < $2 returning 1

-- name: put_recovery_codes
with old as (delete from authentication.recovery_code where account_id = $1 and digest <> all($2))
insert into authentication.recovery_code (account_id, digest) select $1, unnest($2::bytea[])

-- name: take_recovery_code
delete from authentication.recovery_code where account_id = $1 and digest = $2 returning 1

-- name: recovery_codes_left
select count(*) as left from authentication.recovery_code where account_id = $1

-- name: put_passkey
insert into authentication.passkey (credential, account_id, public, counter, label, made) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing returning 1

-- name: passkeys_of
select credential, public, counter, label, made, used from authentication.passkey where account_id = $1 order by made

-- name: passkey_account
select a.account_id, a.kind, a.subject, a.name, a.password, a.wrap, a.totp, a.totp_step, a.made,
  p.credential, p.public, p.counter, p.label, p.made as passkey_made, p.used
from authentication.passkey p join authentication.account a using (account_id) where p.credential = $1 and a.kind = $2

-- name: use_passkey
update authentication.passkey set counter = $2, used = $3 where credential = $1 and (counter < $2 or (counter = 0 and $2 = 0))
returning 1

-- name: providers_of
select provider_id from authentication.provider_subject where account_id = $1

-- name: drop_passkey
delete from authentication.passkey where account_id = $1 and credential = $2 returning 1

-- name: put_invitation
insert into authentication.invitation (digest, kind, subject, name, wrap, totp, inviter, made, expires)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: invitation
select digest, kind, subject, name, wrap, totp, inviter, made, expires from authentication.invitation where digest = $1

-- name: invitation_for_use
delete from authentication.invitation where digest = $1 returning digest, kind, subject, name, wrap, totp, inviter, made, expires

-- name: invitations_of
select inviter, made, expires from authentication.invitation where kind = $1 and subject = $2 and expires > $3 order by made

-- name: drop_invitations
delete from authentication.invitation where kind = $1 and subject = $2

-- name: keep_account
insert into authentication.account (account_id, kind, subject, wrap, made) values ($1, $2, $3, $4, $5)
on conflict (kind, subject) do nothing

-- name: enrolled
select subject from authentication.account where kind = $1

-- name: put_happening
insert into authentication.happening (kind, subject, at, what, detail) values ($1, $2, $3, $4, $5)

-- name: happenings
select at, what, detail from authentication.happening where kind = $1 and subject = $2 order by at desc limit $3

-- name: spend_challenge
insert into authentication.spent_challenge (nonce, expires) values ($1, $2) on conflict do nothing returning 1

-- name: forget_old
with i as (delete from authentication.invitation where expires < $1),
  c as (delete from authentication.spent_challenge where expires < $1),
  s as (delete from authentication.session where seen < $3),
  a as (delete from authentication.attempt where last < $4)
delete from authentication.happening where at < $2

-- name: hold_account
select 1 as held from authentication.account where account_id = $1 for update
