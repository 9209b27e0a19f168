-- name: wraps
select home, wrap from records.key where home = any($1)

-- name: wraps_and_shares
-- The keys of homes, and what each institution has stored there.
select k.home, k.wrap, s.institution_id, s.versions, s.size from records.key k left join lateral (
  select institution_id, count(*) as versions, sum(octet_length(content))::bigint as size from (
    select institution_id, content from records.resource r where r.home = k.home and k.home <> 0
    union all
    select institution_id, content from records.history h where h.home = k.home and k.home <> 0) as stored
  group by institution_id) as s on true
where k.home = any($1)

-- name: lock_share
select pg_advisory_xact_lock(hashtextextended('records/share/' || $1::bigint || '/' || $2::integer, 0))

-- name: add_wraps
insert into records.key (home, wrap) select * from unnest($1::bigint[], $2::bytea[]) as t(home, wrap) order by home on conflict do nothing

-- name: hold_wraps
select home from records.key where (home, wrap) in (select * from unnest($1::bigint[], $2::bytea[])) order by home for key share

-- name: hold_free_wraps
select home from records.key where (home, wrap) in (select * from unnest($1::bigint[], $2::bytea[])) for key share skip locked

-- name: hold_for_erasure
select home from records.key where home = any($1) order by home for update

-- name: forget_keys
select records.forget_keys($1)
