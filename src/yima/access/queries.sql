-- name: lock
select pg_advisory_xact_lock(k) from unnest($1::bigint[]) as k order by k
