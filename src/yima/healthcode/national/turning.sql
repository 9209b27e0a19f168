-- name: applicants
select institution, document from healthcode.national_applicant
where (institution, document) > ($1::integer, $2::bytea) and document >= $3 and document < $4 order by institution, document limit $5

-- name: turn_applicants
-- Under both keys only for a moment of a rotation: the newer word counts.
with gone as (
  delete from healthcode.national_applicant a using unnest($1::integer[], $2::bytea[], $3::bytea[]) as t(institution, old, new)
  where a.institution = t.institution and a.document = t.old returning a.institution, t.new, a.holder)
insert into healthcode.national_applicant (institution, document, holder) select institution, new, holder from gone
order by 1, 2 on conflict do nothing

-- name: left
select count(*) as national_applicant from healthcode.national_applicant where document >= $1 and document < $2
