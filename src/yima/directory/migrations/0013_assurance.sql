-- How surely the resident who said yes was the one: an app hears it as `acr`.
alter table app_grant add column assurance text not null default 'substantial' check (assurance in ('low', 'substantial'));
