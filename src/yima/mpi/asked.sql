-- name: domain_known
-- Whether anybody ($2 = 0) or this institution has a number of this domain.
select exists (select from mpi.identifier where kind = 'local' and system = $1 and ($2::integer = 0 or institution_id = $2))

-- name: local_numbers
select i.system, i.institution_id, i.patient_id, i.digest, i.number, p.wrap from mpi.identifier i join mpi.person p using (person_id)
where i.kind = 'local' and i.person_id in (select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1)
order by i.created, i.digest

-- name: said_of
select coalesce(m.root, f.person_id) as person_id, f.person_id as own, f.digest, f.said, p.wrap
from mpi.profile f join mpi.person p using (person_id) left join mpi.merged m using (person_id)
where coalesce(m.root, f.person_id) = any($1) and f.normaliser = $2 and f.person_id in (
  select p from unnest($1::bigint[]) as p union select g.person_id from mpi.merged g where g.root = any($1))

-- name: undisputed
select coalesce(m.root, i.person_id) as person_id from mpi.identifier i left join mpi.merged m using (person_id)
where i.digest = any($1::bytea[]) and i.kind = 'national' and not exists (select from mpi.frozen z where z.digest = i.digest)

-- name: disputed
select exists (select from mpi.frozen where digest = any($1::bytea[]))
