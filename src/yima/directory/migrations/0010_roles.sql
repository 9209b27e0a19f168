-- What a member of staff may do hangs on a role (directory/roles.py, consent/permissions.py); of whom none was given, the
-- role that takes part in care and does not reach level 5 of GB/T 39725.
alter table practitioner add column role text not null default 'physician';
-- For what an app may act; more than care only when its registration says so.
alter table app add column purposes text[] not null default '{treatment,emergency-treatment}';
