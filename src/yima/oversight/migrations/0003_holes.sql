-- Two alarms more: an answer without its line in the log, and a line without its request.
alter table alarm drop constraint alarm_kind_check;
alter table alarm add constraint alarm_kind_check
  check (kind in ('bulk', 'canary', 'unlogged', 'no-line', 'no-answer'));
