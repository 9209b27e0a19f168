-- Whom the operator's people work for: two organisations must approve an export.
alter table operator add column organisation text not null default '';
