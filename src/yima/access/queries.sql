-- name: lock
select pg_advisory_xact_lock(k) from unnest($1::bigint[]) as k order by k

-- name: running
-- Transactions of this database that are under way; this one is not among them.
select l.virtualxid from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
where l.locktype = 'virtualxid' and l.granted and a.datname = pg_catalog.current_database() and l.pid <> pg_catalog.pg_backend_pid()
