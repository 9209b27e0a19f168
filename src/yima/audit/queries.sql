-- name: of_person
select * from (
  select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
    agent_name, department, terminal, visit, submission, detail, request_id
  from audit.event where person_id = any($1) and recorded < $4
    and ($3::text[] is null or case when detail::jsonb ? 'patient' then detail::jsonb ->> 'patient' = any($3) else person_id = any($2) end)
  order by recorded desc fetch first $5 rows with ties
) as page order by recorded desc, event_id desc
-- name: notable
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event where person_id = any($1) and recorded >= $4 and recorded <= $5
  and ($3::text[] is null or case when detail::jsonb ? 'patient' then detail::jsonb ->> 'patient' = any($3) else person_id = any($2) end)
  and (action = 'break-glass' and detail::jsonb ? 'reason' or action = 'scan' and outcome = 'denied' or action = 'card' and agent <> 'resident'
    or action = 'mandate' and agent = 'operator')
order by recorded desc, event_id desc limit 500
-- name: one_line
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event where person_id = $1 and event_id = $2
