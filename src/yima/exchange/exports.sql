-- name: ask
insert into exchange.export (export_id, institution_id, client_id, requested, types, since, deidentified, reason, legal_basis)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
-- name: one
select * from exchange.export where export_id = $1
-- name: locked
select * from exchange.export where export_id = $1 for update
-- name: recent
select * from exchange.export order by requested desc limit 200
-- name: approve_first
update exchange.export set first_approver = $2, first_organisation = $3, first_approved = $4 where export_id = $1
-- name: approve_second
update exchange.export set second_approver = $2, second_organisation = $3, approved = $4 where export_id = $1
-- name: reject
update exchange.export set rejected_by = $2, rejected = $3 where export_id = $1
-- name: advance
update exchange.export set reached = $2, persons = persons + $3, sizes = $4, wrap = $5 where export_id = $1
-- name: finish
update exchange.export set finished = $2, failure = $3, wrap = case when $3 = '' then wrap end where export_id = $1
-- name: delete
-- With the key the files are gone, whatever a disk keeps of them.
update exchange.export set deleted = $2, wrap = null where export_id = $1
-- name: expired
-- Their week is over; or they were made before files were sealed.
select export_id from exchange.export
where deleted is null and finished is not null and (finished < $1 or wrap is null and failure = '' and sizes <> '{}')
-- name: keys
select export_id, wrap from exchange.export where wrap is not null
-- name: rewrap
update exchange.export set wrap = $3 where export_id = $1 and wrap = $2
