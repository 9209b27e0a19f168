-- name: resource
-- The version asked for, else the one loaded last.
select number, type, url, version, id, name, case_sensitive, concepts, content from terminology.resource
where type = $1 and url = $2 and ($3 = '' or version = $3) order by loaded desc, number desc limit 1

-- name: resource_by_id
select content from terminology.resource where type = $1 and id = $2

-- name: resources
select type, url, version, id, name, concepts, loaded, content from terminology.resource
where $1 = '' or type = $1 order by type, url, version

-- name: take_out
delete from terminology.resource where type = $1 and ((url = $2 and version = $3) or id = $4) returning number

-- name: take_out_concepts
delete from terminology.concept where system = any($1::bigint[])

-- name: put_in
insert into terminology.resource (type, url, version, id, name, case_sensitive, concepts, loaded, content)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning number

-- name: ancestors
select ancestors from terminology.concept where system = $1 and key = $2

-- name: unload
delete from terminology.resource where url = $1 and ($2 = '' or version = $2) returning number
