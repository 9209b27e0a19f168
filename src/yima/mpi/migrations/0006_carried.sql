-- What a Patient brought (candidate keys, words) goes along when a steward moves it or splits it off. What an act took is
-- kept with the act, so that undoing it gives back exactly that.
create table carried (
  person_id bigint not null,            -- whom it left
  number bigint not null,               -- the act
  key bigint,                           -- a candidate key; null in a row of words
  digest bytea,                         -- of words, as in profile; null in a row of a key
  normaliser smallint,
  said bytea,
  given boolean not null                -- the person it went to had it not before
);
create index carried_act on carried (person_id, number);
grant select, insert, delete on carried to yima_app;
