-- The files of an export lie sealed: its data key, wrapped by the master key, goes with them.
alter table export add column wrap bytea;
-- Those that are being made begin again, sealed.
update export set reached = 0, persons = 0, sizes = '{}' where finished is null;
