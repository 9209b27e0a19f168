-- name: horizon
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint
-- name: looks
select agent || '/' || agent_id as reader, person_id, institution, max(department) as department,
  date_trunc('hour', recorded) as hour, min(recorded) as first, max(recorded) as last, count(*)::int as lines,
  array_agg(distinct basis order by basis) as bases, min(event_id) as line,
  array_remove(array_agg(distinct visit order by visit), '') as visits,
  case when person_id = any($4::bigint[]) then coalesce(detail::jsonb ->> 'patient', '') else '' end as patient
from audit.event
where tx >= $1 and tx < $2 and recorded >= $3 and person_id <> 0 and action in ('read', 'search', 'resolve', 'break-glass')
  and agent in ('practitioner', 'app', 'terminal')
group by agent, agent_id, person_id, institution, date_trunc('hour', recorded), patient
-- name: told
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event
where tx >= $1 and tx < $2 and recorded >= $3 and person_id <> 0 and agent <> 'resident'
  and (action in ('scan', 'break-glass', 'card') or action = 'mandate' and agent = 'operator')
-- name: of_marked
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event
where tx >= $1 and tx < $2 and recorded >= $3 and person_id = any($4) and agent in ('practitioner', 'app', 'terminal', 'operator')
  and action in ('read', 'search', 'resolve', 'break-glass', 'scan', 'export')
-- name: of_visits
select person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id
from audit.event where person_id = any($1) and visit = any($2) order by recorded, event_id
-- name: acts
select person_id, institution, action, basis, recorded, department, agent || '/' || agent_id as reader, visit
from audit.event
where person_id = any($1) and recorded >= $2 and outcome = 'ok' and institution <> 0
  and action in ('scan', 'submit', 'card', 'mandate', 'credential')
-- name: logged_at
select distinct e.person_id, e.recorded from unnest($2::bigint[], $3::timestamptz[]) as w (person_id, at)
join audit.event as e on e.person_id = w.person_id and e.recorded = w.at and e.action = $1
