-- name: written
-- How much was ever written to each home. The last time tells apart what an erasure and later writes could make look alike.
select home, count(*) as held, sum(version)::bigint as versions, max(updated) as last from records.resource where home = any($1) group by home order by home

-- name: kept
select rules, held, versions, content, (select k.wrap from records.key k where k.home = h.home) as wrap from records.home h where home = $1

-- name: changed
-- The rows that are not among the versions known ($2-$4: type, id, version), with content.
select r.home, r.type, r.id, r.version, r.institution_id, r.class, r.deleted, r.content, r.patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r
left join unnest($2::text[], $3::text[], $4::integer[]) k(type, id, version) on k.type = r.type and k.id = r.id
where r.home = $1 and k.version is distinct from r.version

-- name: keep
-- Who folded fewer changes must not overwrite who folded more.
insert into records.home (home, rules, held, versions, content) values ($1, $2, $3, $4, $5)
on conflict (home) do update set rules = excluded.rules, held = excluded.held, versions = excluded.versions, content = excluded.content
where records.home.versions < excluded.versions or records.home.rules <> excluded.rules

-- name: these
-- Resources by type and id ($2, $3) in these homes.
select home, type, id, version, updated, institution_id, class, deleted, content, patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where home = any($1) and (type, id) in (select * from unnest($2::text[], $3::text[])) and not deleted
