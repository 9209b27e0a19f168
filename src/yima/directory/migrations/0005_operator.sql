-- People who run the platform, and what each may do. Never a record: no right opens one.
create table operator (
  code text primary key,
  name_zh text not null,
  name_en text not null,
  rights text[] not null check (rights <@ array['suspend']),
  status text not null default 'active' check (status in ('active', 'suspended'))
);
grant select, insert, update on operator to yima_app;
