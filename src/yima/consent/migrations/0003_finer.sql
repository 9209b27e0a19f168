-- Decisions by purpose, from a day on, and about one single resource; taken back; with the words that were agreed to.
alter table standing
  add column purpose text not null default '',   -- '' = every purpose
  add column starts timestamptz,                 -- null = at once
  add column resource text not null default '',  -- Type/id, with class 'item'
  add column withdrawn boolean not null default false, -- the decision is taken back: as if nothing had been said
  add column wording text not null default '',   -- version of the text that was read
  add column visit text not null default '';     -- said at the counter of an institution, during this visit
