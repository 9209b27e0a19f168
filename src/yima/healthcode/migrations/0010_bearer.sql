-- By whose phone a visit was opened: what a code that somebody else showed has opened ends with their mandate.
alter table visit add column bearer integer; -- as in bearer_ended; null: the holder's own code, or none
