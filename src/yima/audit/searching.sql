-- name: search
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event
where person_id = any($1) and ($2::integer is null or institution = $2) and recorded >= $3 and recorded <= $4
  and ($5 = '' or agent_id = $5) and ($6 = '' or outcome = $6) and ($7::timestamptz is null or (recorded, event_id) < ($7, $8))
order by recorded desc, event_id desc limit $9

-- name: count
select count(*) from audit.event
where person_id = any($1) and ($2::integer is null or institution = $2) and recorded >= $3 and recorded <= $4
  and ($5 = '' or agent_id = $5) and ($6 = '' or outcome = $6)
