-- Citus 12 or newer on PostgreSQL 15 or newer: spread the records over many machines. Run once on the coordinator, as the owner, after
-- `yima migrate` and before anything is loaded (each statement also moves rows that are there):
--
--     psql "$YIMA_DATABASE_URL" -f deploy/citus/distribute.sql
--
-- What grows with care is spread by the home of a resource, the person first resolved for its Patient (docs/decisions/0004): one
-- person's resources, history and digests lie on one worker, and a request about one person goes to one worker. Everything else stays
-- on the coordinator: who is who, cards, consent, the register, receipts. The log stays there too: its lines are put into one tree, in
-- the order of the coordinator's transactions.
create extension if not exists citus;
select citus_set_coordinator_host('localhost') where not exists (select from pg_dist_node where groupid = 0);

select create_distributed_table('records.resource', 'home', colocate_with => 'none');
select create_distributed_table('records.history', 'home', colocate_with => 'records.resource');
select create_distributed_table('records.home', 'home', colocate_with => 'records.resource');
select create_distributed_table('records.key', 'home', colocate_with => 'records.resource');
select create_distributed_table('records.erasure', 'home', colocate_with => 'records.resource');
-- From an id that a client chose to the home: small, asked before the home is known.
select citus_add_local_table_to_metadata('records.chosen');
