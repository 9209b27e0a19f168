-- A leaf names the whole key of its line, so that whoever checks the log finds each line by it at once.
alter table leaf add column recorded timestamptz;
update leaf set recorded = e.recorded from event as e where e.person_id = leaf.person_id and e.event_id = leaf.event_id;
