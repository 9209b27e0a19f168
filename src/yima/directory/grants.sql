-- name: put_patient_app
insert into directory.patient_app (client_id, institution_id, name_zh, name_en, redirect_uris, scopes, jwks, origins, launch_url)
select $1::text, $2::integer, $3::text, $4::text, $5::text[], $6::text[], $7::text::jsonb, $8::text[], $9::text
where not exists (select from directory.app where client_id = $1::text)
  and not exists (select from directory.terminal where terminal_id = $1::text)
on conflict (client_id) do update set name_zh = excluded.name_zh, name_en = excluded.name_en,
  redirect_uris = excluded.redirect_uris, scopes = excluded.scopes, jwks = excluded.jwks, origins = excluded.origins,
  launch_url = excluded.launch_url
where directory.patient_app.institution_id = excluded.institution_id returning 1

-- name: set_patient_app_status
update directory.patient_app set status = $2 where client_id = $1 returning 1

-- name: patient_app
select a.client_id, a.institution_id, a.name_zh, a.name_en, a.redirect_uris, a.scopes, a.jwks::text as jwks, a.origins, a.launch_url,
  (a.status = 'active' and i.status = 'active') as active, i.code, i.name_zh as place_zh, i.name_en as place_en
from directory.patient_app a join directory.institution i using (institution_id) where a.client_id = $1

-- name: origins
select origin, a.client_id from directory.patient_app a join directory.institution i using (institution_id),
  unnest(a.origins) as origin where a.status = 'active' and i.status = 'active'

-- name: put_grant
insert into directory.app_grant (person_id, grant_id, client_id, scopes, sensitive, given, expires, practitioner_id, visit, ends, assurance)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: put_secret
insert into directory.grant_secret (digest, kind, person_id, grant_id, client_id, scopes, bound, expires)
values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8)

-- name: secret
select s.kind, s.person_id, s.grant_id, s.client_id, s.scopes, s.bound::text as bound, s.expires, s.spent,
  g.scopes as granted, g.sensitive, g.given, g.used, g.ended, g.practitioner_id, g.visit, g.ends, g.assurance, a.name_zh, a.name_en, a.scopes as registered, a.institution_id,
  (a.status = 'active' and i.status = 'active') as active
from directory.grant_secret s join directory.app_grant g using (person_id, grant_id)
join directory.patient_app a on a.client_id = s.client_id join directory.institution i using (institution_id)
where s.digest = $1

-- name: spend
update directory.grant_secret set spent = $2 where digest = $1 and spent is null returning 1

-- name: extend_grant
update directory.app_grant set expires = $3 where person_id = $1 and grant_id = $2

-- name: mark_used
update directory.app_grant set used = $3 where person_id = $1 and grant_id = $2

-- name: drop_secret
delete from directory.grant_secret where digest = $1

-- name: end_grant
update directory.app_grant set ended = $3, ended_by = $4 where person_id = $1 and grant_id = $2 and ended is null
returning client_id

-- name: end_grants
update directory.app_grant set ended = $2, ended_by = $3
where person_id = any($1::bigint[]) and practitioner_id is null and ended is null and expires > $2 returning 1

-- name: grants_of
select g.person_id, g.grant_id, g.client_id, g.scopes, g.sensitive, g.given, g.expires, g.used, g.ended, g.ended_by,
  a.name_zh, a.name_en, i.name_zh as place_zh, i.name_en as place_en
from directory.app_grant g join directory.patient_app a using (client_id) join directory.institution i using (institution_id)
where g.person_id = any($1::bigint[]) and g.expires > $2 and g.practitioner_id is null order by g.given desc limit 200

-- name: forget_secrets
with gone as (delete from directory.launch where expires < $1)
delete from directory.grant_secret where expires < $1

-- name: launchable
select client_id, name_zh, name_en, launch_url, redirect_uris from directory.patient_app
where institution_id = $1 and launch_url <> '' and status = 'active' order by name_zh, client_id limit 50

-- name: put_launch
insert into directory.launch (digest, client_id, practitioner_id, visit, expires) values ($1, $2, $3, $4, $5)

-- name: take_launch
delete from directory.launch where digest = $1 returning client_id, practitioner_id, visit, expires
