-- name: append
insert into audit.event (person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name,
  agent_id, agent_name, department, terminal, visit, submission, detail, request_id)
select * from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::integer[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])

-- name: of_person
select * from (
  select * from audit.event where person_id = any($1) and recorded < $2 order by recorded desc fetch first $3 rows with ties
) as page order by recorded desc, event_id desc
