-- What an app may do beyond its scopes (`directory.APP_RIGHTS`); nothing, unless it was given.
alter table app add column rights text[] not null default '{}';
-- Rights of the operator's people are a closed list in one place, directory/operators.py.
alter table operator drop constraint operator_rights_check;
