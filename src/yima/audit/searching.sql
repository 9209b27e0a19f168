-- name: search
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event
where person_id = any($1) and ($4::integer is null or institution = $4) and recorded >= $5 and recorded <= $6
  and ($3::text[] is null or case when detail::jsonb ? 'patient' then detail::jsonb ->> 'patient' = any($3) else person_id = any($2) end)
  and ($7 = '' or agent_id = $7) and ($8 = '' or outcome = $8)
  and ($9::timestamptz is null or (recorded, event_id) < ($9, $10))
order by recorded desc, event_id desc limit $11

-- name: count
select count(*) from audit.event
where person_id = any($1) and ($4::integer is null or institution = $4) and recorded >= $5 and recorded <= $6
  and ($3::text[] is null or case when detail::jsonb ? 'patient' then detail::jsonb ->> 'patient' = any($3) else person_id = any($2) end)
  and ($7 = '' or agent_id = $7) and ($8 = '' or outcome = $8)
