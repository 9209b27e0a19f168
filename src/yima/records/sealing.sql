-- name: unsealed
select (select count(*) from records.resource where substring(content from 1 for 1) = '\x7b')
  + (select count(*) from records.history where substring(content from 1 for 1) = '\x7b') as rows

-- name: readable
select home, type, id, version, deleted, content from records.resource where substring(content from 1 for 1) = '\x7b'
order by home, type, id limit $1 for update skip locked

-- name: write
update records.resource r set content = t.content
from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::bytea[]) as t(home, type, id, version, content)
where r.home = t.home and r.type = t.type and r.id = t.id and r.version = t.version and substring(r.content from 1 for 1) = '\x7b'

-- name: readable_history
select home, type, id, version, deleted, content from records.history where substring(content from 1 for 1) = '\x7b'
order by home, type, id, version limit $1

-- name: write_history
select records.seal_history($1, $2, $3, $4, $5)

-- name: forget_readable_homes
-- What was digested of them is made anew by who reads next.
delete from records.home where home = any($1) and substring(content from 1 for 1) <> '\x01'

-- name: keys_after
select home, wrap from records.key where home > $1 order by home limit $2

-- name: rewrap
update records.key k set wrap = t.new from unnest($1::bigint[], $2::bytea[], $3::bytea[]) as t(home, old, new)
where k.home = t.home and k.wrap = t.old and t.old <> t.new
