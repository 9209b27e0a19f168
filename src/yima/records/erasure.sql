-- name: propose
insert into records.erasure (home, erasure, type, id, institution_id, proposed, proposer, reason, legal_basis)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
-- name: one
select * from records.erasure where home = $1 and erasure = $2
-- name: locked
select * from records.erasure where home = $1 and erasure = $2 for update
-- name: recent
select * from records.erasure where (approved is null and withdrawn is null) or proposed > $1 order by proposed desc
-- name: of_person
select * from records.erasure where home = any($1) and certificate <> '' order by approved desc
-- name: approve
update records.erasure set approver = $3, approved = $4 where home = $1 and erasure = $2
-- name: withdraw
update records.erasure set withdrawn = $3 where home = $1 and erasure = $2
-- name: certify
update records.erasure set certificate = $3, resources = $4, versions = $5 where home = $1 and erasure = $2
-- name: meant
select home, type, id, version, deleted, submission, content, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r
where home = any($1) and ($2 = '' or (type = $2 and id = $3)) and ($4 = 0 or institution_id = $4) and content <> ''
  and ($5::text[] is null or patient = any($5))
union all
select h.home, type, id, h.version, h.deleted, h.submission, h.content, (select k.wrap from records.key k where k.home = h.home) as wrap
from records.history h join records.resource r using (home, type, id)
where home = any($1) and ($2 = '' or (type = $2 and id = $3)) and ($4 = 0 or h.institution_id = $4) and h.content <> ''
  and ($5::text[] is null or r.patient = any($5))
order by 2, 3, 4
-- name: lock_meant
select from records.resource where home = any($1) and ($2 = '' or (type = $2 and id = $3)) order by home, type, id for update
-- name: counts
select legal_basis, count(*) as erasures from records.erasure where certificate <> '' group by legal_basis
-- name: erase
select records.erase_content($1, $2, $3, $4)
-- name: forget_digest
delete from records.home where home = any($1)
