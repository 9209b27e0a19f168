-- Ids that clients chose (update as create): where such a resource lies, which its id does not say.
create table chosen (
  scope integer not null,               -- the sandbox for which the id is good; 0: all institutions, one address one resource
  type text not null,
  id text not null,
  home bigint not null,
  primary key (scope, type, id)
);
grant select, insert on chosen to yima_app;
