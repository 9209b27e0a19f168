-- name: hold_humans
select pg_advisory_xact_lock(hashtextextended('directory.operator.human', 0))

-- name: operator_of_human
select code from directory.operator where human = any($1) and code <> $2

-- name: name_human
update directory.operator set human = $2 where code = $1 returning 1

-- name: humans
select code, human from directory.operator where code = any($1)

-- name: human_of
select human from directory.operator where code = $1

-- name: humans_between
select human from directory.operator where human >= $1 and human < $2

-- name: turn_humans
update directory.operator o set human = t.new from unnest($1::bytea[], $2::bytea[]) as t(old, new) where o.human = t.old

-- name: known_humans
select code from directory.operator where human is not null
