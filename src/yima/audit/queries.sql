-- name: of_person
select * from (
  select * from audit.event where person_id = any($1) and recorded < $2 order by recorded desc fetch first $3 rows with ties
) as page order by recorded desc, event_id desc
