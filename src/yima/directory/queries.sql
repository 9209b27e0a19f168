-- name: put_institution
insert into directory.institution (code, name_zh, name_en, class, area) values ($1, $2, $3, $4, $5)
on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, class = excluded.class, area = excluded.area
returning institution_id

-- name: institution_number
select institution_id from directory.institution where code = $1

-- name: put_department
insert into directory.department (institution_id, code, name_zh, name_en) values ($1, $2, $3, $4)
on conflict (institution_id, code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en

-- name: put_practitioner
insert into directory.practitioner (institution_id, code, name_zh, name_en, title_zh, title_en, department, role)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (institution_id, code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en,
  title_zh = excluded.title_zh, title_en = excluded.title_en, department = excluded.department, role = excluded.role
returning practitioner_id

-- name: put_terminal
insert into directory.terminal as t (terminal_id, institution_id, kind, department, location, step, scene, registered)
select $1::text, $2::integer, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz
where not exists (select from directory.app where client_id = $1::text)
on conflict (terminal_id) do update set kind = excluded.kind, department = excluded.department, location = excluded.location,
  step = excluded.step, scene = excluded.scene, registered = coalesce(t.registered, excluded.registered)
where t.institution_id = excluded.institution_id returning 1

-- name: put_app
insert into directory.app (client_id, institution_id, name, jwks, scopes, matching, rights, jwks_url, purposes)
select $1::text, $2::integer, $3::text, $4::text::jsonb, $5::text[], $6::text, $7::text[], $8::text, $9::text[]
where not exists (select from directory.terminal where terminal_id = $1::text)
on conflict (client_id) do update set name = excluded.name, jwks = excluded.jwks, scopes = excluded.scopes, matching = excluded.matching,
  rights = excluded.rights, jwks_url = excluded.jwks_url, purposes = excluded.purposes
where directory.app.institution_id = excluded.institution_id returning 1

-- name: institutions
select institution_id, code, name_zh, name_en, class, area, status, suspended from directory.institution order by institution_id

-- name: institution
select institution_id, code, name_zh, name_en, class, area, status, suspended from directory.institution where institution_id = $1

-- name: institution_kinds
select institution_id, class from directory.institution where institution_id = any($1)

-- name: departments
select code, name_zh, name_en from directory.department where institution_id = $1 order by code

-- name: practitioners
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status, role
from directory.practitioner order by practitioner_id

-- name: practitioner
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status, role
from directory.practitioner where practitioner_id = $1

-- name: staff_of
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status, role
from directory.practitioner where institution_id = $1 order by code

-- name: staff_by_number
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status, role
from directory.practitioner where practitioner_id = any($1)

-- name: set_practitioner_status
update directory.practitioner set status = $2 where practitioner_id = $1 returning 1

-- name: turn_practitioner
update directory.practitioner set status = $3 where practitioner_id = $1 and status = $2

-- name: set_practitioner_role
update directory.practitioner set role = $2 where practitioner_id = $1 returning 1

-- name: terminals
select terminal_id, kind, department, location, step, scene from directory.terminal where institution_id = $1 and status = 'active' order by terminal_id

-- name: terminal_belongs
select exists (select 1 from directory.terminal t join directory.institution i using (institution_id)
  where t.terminal_id = $1 and t.institution_id = $2 and t.status = 'active' and i.status = 'active')

-- name: app
select a.client_id, a.institution_id, a.name, a.jwks::text as jwks, a.scopes, a.matching, a.rights, a.jwks_url, a.purposes,
  (a.status = 'active' and i.status = 'active') as active, i.code, i.name_zh, i.name_en
from directory.app a join directory.institution i using (institution_id) where a.client_id = $1

-- name: remember_assertion
insert into directory.assertion (client_id, jti, expires) values ($1, $2, $3) on conflict do nothing returning 1

-- name: put_token
insert into directory.token (digest, client_id, scopes, expires) values ($1, $2, $3, $4)

-- name: token
select t.client_id, t.scopes, t.expires from directory.token t where t.digest = $1

-- name: drop_token
delete from directory.token where digest = $1 and client_id = $2

-- name: forget_expired
with a as (delete from directory.assertion where expires < $1), t as (delete from directory.terminal_token where expires < $1)
delete from directory.token where expires < $1

-- name: set_institution_status
update directory.institution set status = $2,
  suspended = case when $2 = 'suspended' then coalesce(suspended, $3) end
where institution_id = $1

-- name: terminal
select t.terminal_id, t.institution_id, t.kind, t.department, t.location, t.step, t.scene, t.firmware, t.status,
  coalesce(t.jwks, '{"keys": []}')::text as jwks, t.registered, t.last_seen
from directory.terminal t where t.terminal_id = $1

-- name: terminal_for_change
select institution_id, coalesce(jwks, '{"keys": []}')::text as jwks from directory.terminal where terminal_id = $1 for update

-- name: terminals_of
select t.terminal_id, t.institution_id, t.kind, t.department, t.location, t.step, t.scene, t.firmware, t.status,
  coalesce(t.jwks, '{"keys": []}')::text as jwks, t.registered, t.last_seen
from directory.terminal t where t.institution_id = $1 order by t.terminal_id

-- name: set_terminal_keys
update directory.terminal set jwks = $2::text::jsonb where terminal_id = $1

-- name: set_terminal_status
update directory.terminal set status = $2 where terminal_id = $1 returning 1

-- name: drop_terminal_tokens
delete from directory.terminal_token where terminal_id = $1

-- name: terminal_client
-- A terminal in the columns of an app: who may sign in, and as what.
select t.terminal_id as client_id, t.institution_id, t.terminal_id as name, t.jwks::text as jwks, t.kind, t.department,
  t.status = 'active' as standing, i.status = 'active' as active, i.code, i.name_zh, i.name_en
from directory.terminal t join directory.institution i using (institution_id) where t.terminal_id = $1 and t.jwks is not null

-- name: put_terminal_token
with seen as (update directory.terminal set last_seen = $5, firmware = coalesce(nullif($6, ''), firmware) where terminal_id = $2)
insert into directory.terminal_token (digest, terminal_id, scopes, expires) values ($1, $2, $3, $4)

-- name: terminal_token
select terminal_id, scopes, expires from directory.terminal_token where digest = $1

-- name: drop_own_terminal_token
delete from directory.terminal_token where digest = $1 and terminal_id = $2

-- name: put_operator
insert into directory.operator (code, name_zh, name_en, rights, status, organisation) values ($1, $2, $3, $4, $5, $6)
on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, rights = excluded.rights,
  status = excluded.status, organisation = excluded.organisation

-- name: operator
select code, name_zh, name_en, rights, status, organisation from directory.operator where code = $1

-- name: operators
select code, name_zh, name_en, rights, status, organisation from directory.operator order by code

-- name: is_sandbox
select count(*) > 0 and bool_and(matching = 'off') as yes from directory.app where institution_id = $1
