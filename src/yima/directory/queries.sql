-- name: put_institution
insert into directory.institution (code, name_zh, name_en, class, area) values ($1, $2, $3, $4, $5)
on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, class = excluded.class, area = excluded.area
returning institution_id

-- name: put_department
insert into directory.department (institution_id, code, name_zh, name_en) values ($1, $2, $3, $4)
on conflict (institution_id, code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en

-- name: put_practitioner
insert into directory.practitioner (institution_id, code, name_zh, name_en, title_zh, title_en, department)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (institution_id, code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en,
  title_zh = excluded.title_zh, title_en = excluded.title_en, department = excluded.department
returning practitioner_id

-- name: put_terminal
insert into directory.terminal (terminal_id, institution_id, kind, department) values ($1, $2, $3, $4)
on conflict (terminal_id) do update set kind = excluded.kind, department = excluded.department
where directory.terminal.institution_id = excluded.institution_id returning 1

-- name: put_app
insert into directory.app (client_id, institution_id, name, jwks, scopes, matching) values ($1, $2, $3, $4::text::jsonb, $5, $6)
on conflict (client_id) do update set name = excluded.name, jwks = excluded.jwks, scopes = excluded.scopes, matching = excluded.matching
where directory.app.institution_id = excluded.institution_id returning 1

-- name: institutions
select institution_id, code, name_zh, name_en, class, area, status from directory.institution order by institution_id

-- name: institution
select institution_id, code, name_zh, name_en, class, area, status from directory.institution where institution_id = $1

-- name: departments
select code, name_zh, name_en from directory.department where institution_id = $1 order by code

-- name: practitioners
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status
from directory.practitioner order by practitioner_id

-- name: practitioner
select practitioner_id, institution_id, code, name_zh, name_en, title_zh, title_en, department, status
from directory.practitioner where practitioner_id = $1

-- name: terminals
select terminal_id, kind, department from directory.terminal where institution_id = $1 and status = 'active' order by terminal_id

-- name: terminal_belongs
select exists (select 1 from directory.terminal t join directory.institution i using (institution_id)
  where t.terminal_id = $1 and t.institution_id = $2 and t.status = 'active' and i.status = 'active')

-- name: app
select a.client_id, a.institution_id, a.name, a.jwks::text as jwks, a.scopes, a.matching,
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
with a as (delete from directory.assertion where expires < $1 returning 1) delete from directory.token where expires < $1

-- name: set_institution_status
update directory.institution set status = $2 where institution_id = $1
