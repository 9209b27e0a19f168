-- name: receipts
select institution_id, key, body_digest, answer from exchange.submission
where (institution_id, key) > ($1::integer, $2::bytea) and key >= $3 and key < $4 and octet_length(key) = 17
order by institution_id, key limit $5

-- name: turn_receipt
update exchange.submission set key = $3, body_digest = $4, answer = $6 where institution_id = $1 and key = $2 and answer = $5

-- name: left
select count(*) as submission from exchange.submission where key >= $1 and key < $2 and octet_length(key) = 17
