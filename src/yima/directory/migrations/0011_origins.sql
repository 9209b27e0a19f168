-- Where apps that run in a browser come from (RFC 6454, e.g. https://diary.example): only scripts of these origins may read the answers.
alter table patient_app add column origins text[] not null default '{}';
