-- name: homes_after
select home from records.resource where home > $1 and type = 'Patient' and not deleted and not sandbox
  and ($2::integer is null or institution_id = $2) group by home order by home limit $3
-- name: rows_of
select home, type, id, version, updated, institution_id, class, deleted, content, patient, (select k.wrap from records.key k where k.home = r.home) as wrap
from records.resource r where home = any($1) and type = any($2) and not deleted and not sandbox
  and (institution_id = $3 or ($3::integer is null and class = '')) and ($4::timestamptz is null or updated >= $4)
order by home, type, id
