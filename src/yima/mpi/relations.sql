-- name: registered
select person_id, institution_id, min(created) as created, max(created) as latest from mpi.link where person_id = any($1)
group by person_id, institution_id
-- name: phones
select person_id, phone_key from mpi.person where person_id = any($1) and phone_key is not null
-- name: of_phone
select distinct p.person_id from mpi.candidate_key k join mpi.person p using (person_id)
where k.key = any($1::bigint[]) and p.phone_key = any($2::bytea[]) order by p.person_id limit 50
