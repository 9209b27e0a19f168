-- What a sandbox wrote may be searched across persons by the sandbox itself: nobody's record is there. The index holds only such
-- rows, so that it costs nothing elsewhere.
alter table resource add column sandbox boolean not null default false;
create index resource_sandbox on resource (institution_id, type) where sandbox;
