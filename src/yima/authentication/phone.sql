-- name: put_code
insert into authentication.phone_code (challenge, browser, phone, code, made, expires) values ($1, $2, $3, $4, $5, $6)

-- name: codes_since
select count(*) as made from authentication.phone_code where made > $1

-- name: addressed
update authentication.phone_code set subjects = $2 where challenge = $1

-- name: try_code
-- A try is counted before it is judged, so that a hundred at once are a hundred.
update authentication.phone_code set tries = tries + 1
where challenge = $1 and browser = $2 and tries < $3 and expires > $4 and passed is null
returning code, phone, subjects

-- name: pass_code
update authentication.phone_code set passed = $2, tries = 0, expires = $3 where challenge = $1 and passed is null returning 1

-- name: try_choice
update authentication.phone_code set tries = tries + 1
where challenge = $1 and browser = $2 and tries < $3 and expires > $4 and passed is not null
returning phone, subjects

-- name: drop_code
delete from authentication.phone_code where challenge = $1 returning 1

-- name: forget_codes
delete from authentication.phone_code where made < $1

-- name: put_proof
insert into authentication.proofed_phone (subject, phone, staff, at) values ($1, $2, $3, $4)
on conflict (subject, phone) do update set staff = excluded.staff, at = excluded.at

-- name: drop_other_proofs
delete from authentication.proofed_phone where subject = $1 and phone <> all($2::bytea[]) returning 1

-- name: proofed_subjects
select distinct subject from authentication.proofed_phone where phone = any($1::bytea[]) order by subject limit 50

-- name: proofs_of
select phone from authentication.proofed_phone where subject = any($1::text[])

-- name: drop_proofs
delete from authentication.proofed_phone where subject = any($1::text[]) and phone = any($2::bytea[]) returning 1
