-- name: apps
select app_id, wrap from directory.gateway_app
-- name: rewrap
update directory.gateway_app set wrap = $3 where app_id = $1 and wrap = $2
