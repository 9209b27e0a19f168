-- One index instead of two: a log is written far more often than it is read, and it is read by person and time. Each
-- line then costs one entry, beside the person's others.
alter table event drop constraint event_pkey;
drop index event_recorded;
alter table event add primary key (person_id, recorded, event_id);
