-- name: insert
insert into records.resource (home, type, id, version, updated, institution_id, submission, class, low, high, tokens, content, sandbox,
  patient)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- name: insert_held
-- One row, its home's key held against an erasure; none where the key is no longer that of $15, or an erasure holds it.
insert into records.resource (home, type, id, version, updated, institution_id, submission, class, low, high, tokens, content, sandbox,
  patient)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 from records.key k where k.home = $1 and k.wrap = $15
for key share skip locked

-- name: lock_current
select home, type, id, version, updated, deleted, institution_id, class, content, patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where (home, type, id) in (select * from unnest($1::bigint[], $2::text[], $3::text[])) order by home, type, id for update

-- name: keep_history
insert into records.history (home, type, id, version, updated, institution_id, submission, class, deleted, content)
select home, type, id, version, updated, institution_id, submission, class, deleted, content from records.resource
where (home, type, id) in (select * from unnest($1::bigint[], $2::text[], $3::text[]))

-- name: replace
update records.resource set version = $4, updated = $5, institution_id = $6, submission = $7, class = $8, deleted = false,
  low = $9, high = $10, tokens = $11, content = $12
where home = $1 and type = $2 and id = $3

-- name: mark_deleted
update records.resource set version = version + 1, updated = $4, submission = $5, deleted = true, tokens = '{}'
where home = $1 and type = $2 and id = $3

-- name: read
select home, type, id, version, updated, institution_id, class, deleted, content, patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where (home, type, id) in (select * from unnest($1::bigint[], $2::text[], $3::text[]))

-- name: version
-- A class that was put on a resource later covers its earlier versions too.
select h.home, h.type, h.id, h.version, h.updated, h.institution_id, case when h.class = '' then r.class else h.class end as class, h.deleted,
  h.content, r.patient, (select k.wrap from records.key k where k.home = h.home) as wrap
from records.history h join records.resource r using (home, type, id)
where home = $1 and type = $2 and id = $3 and h.version = $4

-- name: history
select home, type, id, version, updated, institution_id, class, deleted, content, patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where home = $1 and type = $2 and id = $3
union all
select h.home, h.type, h.id, h.version, h.updated, h.institution_id, case when h.class = '' then r.class else h.class end, h.deleted,
  h.content, r.patient, (select k.wrap from records.key k where k.home = h.home) as wrap
from records.history h join records.resource r using (home, type, id) where home = $1 and type = $2 and id = $3
order by version desc limit $4

-- name: everything
-- The keys by a join: a sub-select would be carried out for each row.
select home, type, id, version, updated, institution_id, class, deleted, content, patient, k.wrap
from records.resource r left join (select home, wrap from records.key where home = any($1)) k using (home)
where home = any($1) and not deleted and ($2::integer is null or institution_id = $2)
  and (institution_id = $7 or class <> all($3::text[]) and (type || '/' || id) <> all($8::text[]))
  and ($4::text[] is null or type = any($4)) and ($5::timestamptz is null or updated >= $5)
  and ($9::text[] is null or patient = any($9))
order by case when type = 'Patient' then '-infinity' else low end nulls last, type = 'Patient' desc, type, id limit $6

-- name: contents
select home, type, id, version, content, k.wrap
from records.resource r left join (select home, wrap from records.key where home = any($1)) k using (home)
where home = any($1) and not deleted and ($2::integer is null or institution_id = $2)
  and (institution_id = $7 or class <> all($3::text[]) and (type || '/' || id) <> all($8::text[]))
  and ($4::text[] is null or type = any($4)) and ($5::timestamptz is null or updated >= $5)
  and ($9::text[] is null or patient = any($9))
order by case when type = 'Patient' then '-infinity' else low end nulls last, type = 'Patient' desc, type, id limit $6

-- name: classes_of
select id, institution_id, class from records.resource
where (home, type, id) in (select h, $2::text, i from unnest($1::bigint[], $3::text[]) as t (h, i)) and not deleted

-- name: exists
select home, type, id from records.resource
where (home, type, id) in (select * from unnest($1::bigint[], $2::text[], $3::text[])) and not deleted

-- name: count
select count(*) from records.resource

-- name: to_reindex
select home, type, id, version, deleted, low, high, tokens, content, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where (home, type, id) > ($1, $2, $3) and not deleted order by home, type, id limit $4

-- name: write_index
update records.resource set low = $5, high = $6, tokens = $7 where home = $1 and type = $2 and id = $3 and version = $4

-- name: choose
insert into records.chosen (scope, type, id, home) values ($1, $2, $3, $4)

-- name: chosen
select type, id, home from records.chosen
where scope = $1 and (type, id) in (select * from unnest($2::text[], $3::text[]))

-- name: clear_sandbox
select records.clear_sandbox($1, $2) as gone

-- name: forget_chosen
delete from records.chosen where scope = $1
