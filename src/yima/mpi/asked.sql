-- name: domain_known
-- Whether anybody ($2 = 0) or this institution has a number of this domain.
select exists (select from mpi.identifier where kind = 'local' and system = $1 and ($2::integer = 0 or institution_id = $2))

-- name: local_numbers
select i.system, i.institution_id, i.patient_id, i.number, p.wrap from mpi.identifier i join mpi.person p using (person_id)
where i.kind = 'local' and i.person_id in (select $1::bigint union all select g.person_id from mpi.merged g where g.root = $1)
order by i.created, i.digest
