-- name: lock
select pg_advisory_xact_lock(hashtextextended('yima audit tree', 0))
-- name: latest
select h.size, h.sealed, h.root, h.horizon, h.note, coalesce((select string_agg(c.line, '' order by c.witness) from audit.cosignature as c
    where c.size = h.size and c.sealed = h.sealed), '') as lines
from audit.head as h order by h.size desc, h.sealed desc limit 1
-- name: heads
select h.size, h.sealed, h.root, h.note, coalesce((select string_agg(c.line, '' order by c.witness) from audit.cosignature as c
    where c.size = h.size and c.sealed = h.sealed), '') as lines
from audit.head as h where h.size < $1 or (h.size = $1 and h.sealed < $2) order by h.size desc, h.sealed desc limit $3
-- name: head_of
select h.size, h.sealed, h.root, h.note, coalesce((select string_agg(c.line, '' order by c.witness) from audit.cosignature as c
    where c.size = h.size and c.sealed = h.sealed), '') as lines
from audit.head as h where h.size = $1 order by h.sealed limit 1
-- name: every_head
select size, sealed, root, horizon, note from audit.head order by size, sealed
-- name: horizon
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint
-- name: unsealed
-- A restored log has lines with numbers of another cluster, which are sealed and come by once more.
select action, agent, agent_id, agent_name, basis, department, detail, event_id, institution, institution_name, outcome,
  person_id::text as person, purpose, recorded, request_id, submission, terminal, visit, person_id
from audit.event e where tx >= $1 and tx < $2
  and not exists (select from audit.leaf l where l.person_id = e.person_id and l.event_id = e.event_id)
order by recorded, person_id, event_id
-- name: left_out
-- From $2 on it is a number of the cluster that the log came from: finished long ago.
select e.action, e.agent, e.agent_id, e.agent_name, e.basis, e.department, e.detail, e.event_id, e.institution,
  e.institution_name, e.outcome, e.person_id::text as person, e.purpose, e.recorded, e.request_id, e.submission, e.terminal,
  e.visit, e.person_id
from audit.event e where (e.tx < $1 or e.tx >= $2)
  and not exists (select from audit.leaf l where l.person_id = e.person_id and l.event_id = e.event_id)
order by e.recorded, e.person_id, e.event_id
-- name: placed
select h.size, h.sealed, h.root, h.note, coalesce((select string_agg(c.line, '' order by c.witness) from audit.cosignature as c
    where c.size = h.size and c.sealed = h.sealed), '') as lines,
  l.position, l.hash, newest.size as whole, newest.root as whole_root
from audit.leaf as l
cross join (select size, sealed, root from audit.head order by size desc, sealed desc limit 1) as newest
left join lateral (
  select size, sealed from audit.cosignature where size > l.position order by size desc, sealed desc limit 1
) as cosigned on true
join audit.head as h on h.size = coalesce(cosigned.size, newest.size) and h.sealed = coalesce(cosigned.sealed, newest.sealed)
where l.person_id = $1 and l.event_id = $2
-- name: line
select action, agent, agent_id, agent_name, basis, department, detail, event_id, institution, institution_name, outcome,
  person_id::text as person, purpose, recorded, request_id, submission, terminal, visit
from audit.event where person_id = $1 and event_id = $2
-- name: tiles
select t.level, t.number, t.hashes from audit.tile t
join unnest($1::smallint[], $2::bigint[]) as wanted(level, number) on t.level = wanted.level and t.number = wanted.number
-- name: roots
select t.level, t.number, t.root from audit.tile t
join unnest($1::smallint[], $2::bigint[], $3::bigint[]) as wanted(level, low, high)
  on t.level = wanted.level and t.number >= wanted.low and t.number < wanted.high
order by t.level, t.number
-- name: leaves
select hash from audit.leaf where position >= $1 and position < $2 order by position
-- name: add_tiles
insert into audit.tile (level, number, root, hashes) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])
-- name: add_head
insert into audit.head (size, sealed, root, horizon, note) values ($1, $2, $3, $4, $5)
-- name: neighbours
-- Columns as a leaf has them, the time as day and clock; of lines on neighbouring pages, in whatever order.
select e.action, e.agent, e.agent_id, e.agent_name, e.basis, e.department, e.detail, e.event_id, e.institution,
  e.institution_name, e.outcome, e.person_id, e.purpose, e.recorded::date, e.recorded::time, e.request_id, e.submission,
  e.terminal, e.visit, l.position
from audit.leaf l join audit.event e on e.person_id = l.person_id and e.recorded = l.recorded and e.event_id = l.event_id
where l.position >= $1 and l.position < $2 and e.ctid >= $3 and e.ctid < $4
-- name: places
-- offset 0: each is looked up by its key, whatever the statistics say.
select e.ctid from audit.leaf l
cross join lateral (
  select ctid from audit.event where person_id = l.person_id and recorded = l.recorded and event_id = l.event_id offset 0
) e
where l.position = any($1::bigint[])
-- name: sealed_hashes
select count(*) as lines, coalesce(string_agg(hash, '' order by position), '') as hashes
from audit.leaf where position >= $1 and position < $2
-- name: positions
select position, hash from audit.leaf where position >= $1 and position < $2
-- name: whole
-- offset 0: as above; reading the whole table for each part would make the check of a large log endless.
select e.*, l.position, l.hash, l.event_id as sealed_id, l.person_id as sealed_person
from audit.leaf l
left join lateral (
  select action, agent, agent_id, agent_name, basis, department, detail, event_id, institution, institution_name, outcome,
    person_id::text as person, purpose, recorded, request_id, submission, terminal, visit
  from audit.event where person_id = l.person_id and recorded = l.recorded and event_id = l.event_id offset 0
) e on true
where l.position = any($1::bigint[]) order by l.position
-- name: tile_roots
select level, number, root, sha256(hashes) as same from audit.tile order by level, number
-- name: added
select e.event_id from audit.event e where e.tx < $1
  and not exists (select from audit.leaf l where l.person_id = e.person_id and l.event_id = e.event_id
    and l.recorded = e.recorded)
order by e.recorded limit $2
-- name: moved
select from audit.event where person_id = $1 and event_id = $2
-- name: count_sealed
select count(*) from audit.event where tx < $1
-- name: head_at
select root from audit.head where size = $1 and sealed = $2
-- name: witnesses
select w.name, w.key, w.added, w.ended, c.size, c.sealed, c.at from audit.witness as w
left join lateral (
  select size, sealed, at from audit.cosignature where witness = w.name order by size desc, sealed desc limit 1
) as c on true
order by w.name
-- name: add_witness
insert into audit.witness (name, key, added) values ($1, $2, $3)
-- name: end_witness
update audit.witness set ended = $2 where name = $1 and ended is null returning name
-- name: add_cosignature
insert into audit.cosignature (size, sealed, witness, at, line) values ($1, $2, $3, $4, $5) on conflict do nothing
-- name: cosignatures_of
select size, sealed, line from audit.cosignature where witness = $1 order by size, sealed
