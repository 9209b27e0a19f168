-- An emergency access that ends before its hour is over: whoever opened it, or the institution, was stopped. Letting them in
-- again does not open it again.
create table emergency_closed (
  person_id bigint not null,
  handle text not null,
  at timestamptz not null,
  primary key (person_id, handle)
);
create index emergency_expires on emergency (expires);
grant select, insert on emergency_closed to yima_app;
