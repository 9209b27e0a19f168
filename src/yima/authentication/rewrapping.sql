-- name: accounts
select account_id, wrap from authentication.account
-- name: invitations
select digest, wrap from authentication.invitation
-- name: providers
select provider_id, wrap from authentication.provider where wrap is not null
-- name: rewrap_provider
update authentication.provider set wrap = $3 where provider_id = $1 and wrap = $2
-- name: rewrap_account
update authentication.account set wrap = $3 where account_id = $1 and wrap = $2
-- name: rewrap_invitation
update authentication.invitation set wrap = $3 where digest = $1 and wrap = $2
