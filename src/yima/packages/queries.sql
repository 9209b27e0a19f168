-- name: stamp
select coalesce(max(number), 0) as newest, count(*) as many from packages.definition

-- name: definitions
-- Of every address its versions, the one loaded last at the end.
select url, version, content from packages.definition where url = any($1::text[]) order by loaded, number

-- name: take_out
delete from packages.definition where url = any($1::text[]) and version = any($2::text[])

-- name: put_in
insert into packages.definition (url, version, content, package, package_version, loaded)
select u, v, x, $4, $5, $6::timestamptz from unnest($1::text[], $2::text[], $3::bytea[]) as t (u, v, x)

-- name: packages
select package, package_version, count(*) as definitions, max(loaded) as loaded from packages.definition
group by 1, 2 order by 1, 2
