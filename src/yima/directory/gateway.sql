-- name: put_app
insert into directory.gateway_app (app_id, institution_id, family, wrap, secret, cipher_key, terminals, dialect, rights)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (app_id) do update set family = excluded.family, wrap = excluded.wrap, secret = excluded.secret,
  cipher_key = excluded.cipher_key, terminals = excluded.terminals, dialect = excluded.dialect, rights = excluded.rights
where directory.gateway_app.institution_id = excluded.institution_id returning 1

-- name: app
select a.app_id, a.institution_id, a.family, a.wrap, a.secret, a.cipher_key, a.terminals, a.dialect, a.rights,
  (a.status = 'active' and i.status = 'active') as active, i.code, i.name_zh, i.name_en
from directory.gateway_app a join directory.institution i using (institution_id) where a.app_id = $1

-- name: set_status
update directory.gateway_app set status = $2 where app_id = $1 returning 1

-- name: once
insert into directory.gateway_seen (app_id, mark, expires) values ($1, $2, $3) on conflict do nothing returning 1

-- name: put_token
insert into directory.gateway_token (digest, app_id, expires) values ($1, $2, $3)

-- name: token
select app_id, expires from directory.gateway_token where digest = $1

-- name: drop_tokens
delete from directory.gateway_token where app_id = $1

-- name: forget_expired
with t as (delete from directory.gateway_token where expires < $1 returning 1)
delete from directory.gateway_seen where expires < $1

-- name: institution_by_code
select institution_id, code, name_zh, name_en, class, area, status, suspended from directory.institution where code = $1

-- name: put_said
insert into directory.organisation_said (institution_id, said) values ($1, $2::text::jsonb)
on conflict (institution_id) do update set said = directory.organisation_said.said || excluded.said

-- name: said
select said::text as said from directory.organisation_said where institution_id = $1
