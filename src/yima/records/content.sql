-- name: wraps
select home, wrap from records.key where home = any($1)

-- name: add_wraps
insert into records.key (home, wrap) select * from unnest($1::bigint[], $2::bytea[]) as t(home, wrap) order by home on conflict do nothing

-- name: hold_wraps
select home from records.key where (home, wrap) in (select * from unnest($1::bigint[], $2::bytea[])) order by home for key share

-- name: hold_for_erasure
select home from records.key where home = any($1) order by home for update

-- name: forget_keys
select records.forget_keys($1)
