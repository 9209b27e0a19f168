-- What card systems say of an institution besides its name (addorg, updateorg), given back as it was said.
create table organisation_said (
  institution_id integer primary key references institution,
  said jsonb not null
);
grant select, insert, update, delete on organisation_said to yima_app;
