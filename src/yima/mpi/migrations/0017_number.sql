-- A document's number that was first sent for the wrong person goes over to whom it names, by two stewards.
alter table proposal add column document bytea; -- sealed: the number that goes from person_id to survivor; null of a merge
alter table event drop constraint event_kind_check;
alter table event add constraint event_kind_check check (kind in (
  'merge', 'unmerge', 'move', 'split', 'unsplit', 'apart', 'not-apart', 'freeze', 'unfreeze', 'number', 'number-back'));
