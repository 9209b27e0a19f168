-- How a person was called before an act of a steward took a Patient from them: what only that Patient had said (a phone, a name) goes
-- with it, and comes back when the act is undone.
create table former (
  person_id bigint not null,            -- whom the Patient left
  number bigint not null,               -- the act
  updated timestamptz not null,
  renamed timestamptz not null,         -- person.updated since; another one: somebody has said something new, which stays
  sex text not null,
  said bytea,                           -- as in person, and sealed there
  no_name boolean,
  birth_digits smallint,
  phone_key bytea,
  primary key (person_id, number)
);
grant select, insert, delete on former to yima_app;
