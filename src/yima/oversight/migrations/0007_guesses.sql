-- One alarm more: an institution that tries document numbers out.
alter table alarm drop constraint alarm_kind_check;
alter table alarm add constraint alarm_kind_check
  check (kind in ('bulk', 'canary', 'unlogged', 'no-line', 'no-answer', 'guesses'));
