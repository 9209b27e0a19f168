-- name: homes_after
select home from records.resource where home > $1 and type = 'Patient' and not deleted and not sandbox
  and ($2::integer is null or institution_id = $2) group by home order by home limit $3
-- name: rows_of
select home, type, id, version, updated, institution_id, class, deleted, content, patient, k.wrap
from records.resource r left join (select home, wrap from records.key where home = any($1)) k using (home)
where home = any($1) and type = any($2) and not deleted and not sandbox
  and (institution_id = $3 or ($3::integer is null and class = '')) and ($4::timestamptz is null or updated >= $4)
order by home, type, id
