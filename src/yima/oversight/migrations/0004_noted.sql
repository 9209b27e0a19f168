-- Looks that nothing explains but that are not odd enough by themselves are noted for a week; and under which visit it was.
alter table finding drop constraint finding_state_check;
alter table finding add constraint finding_state_check
  check (state in ('open', 'noted', 'withdrawn', 'explained', 'misconduct'));
alter table finding add column visits text[] not null default '{}';
create index finding_reader on finding (reader, last) where state in ('open', 'noted');
