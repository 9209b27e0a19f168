-- Where an app publishes its public keys, instead of registering them one by one; '' = nowhere.
alter table app add column jwks_url text not null default '';
