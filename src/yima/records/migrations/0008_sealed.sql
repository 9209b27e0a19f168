-- Content lies sealed under a data key of its home (yima/records/content.py). Content of before begins with a brace and stays
-- readable until `yima keys seal` has been through it.
create table key (
  home bigint primary key,              -- 0: the shelf
  wrap bytea not null                   -- the data key, wrapped by the master key
);
grant select, insert, update on key to yima_app;
-- A key goes when nothing is left that it opens; the application can throw away no other.
create function forget_keys(homes bigint[]) returns bigint
language sql security definer set search_path = records, pg_catalog
as $$
  with gone as (
    delete from key k where k.home = any(homes) and k.home <> 0
      and not exists (select from resource r where r.home = k.home and r.content <> '')
      and not exists (select from history h where h.home = k.home and h.content <> '')
    returning 1
  )
  select count(*) from gone
$$;
revoke all on function forget_keys(bigint[]) from public;
grant execute on function forget_keys(bigint[]) to yima_app;
-- Earlier versions change in one way: what is readable is sealed.
create function seal_history(homes bigint[], types text[], ids text[], versions integer[], contents bytea[]) returns bigint
language sql security definer set search_path = records, pg_catalog
as $$
  with done as (
    update history h set content = t.content
    from unnest(homes, types, ids, versions, contents) as t(home, type, id, version, content)
    where h.home = t.home and h.type = t.type and h.id = t.id and h.version = t.version
      and substring(h.content from 1 for 1) = '\x7b' and substring(t.content from 1 for 1) = '\x01'
    returning 1
  )
  select count(*) from done
$$;
revoke all on function seal_history(bigint[], text[], text[], integer[], bytea[]) from public;
grant execute on function seal_history(bigint[], text[], text[], integer[], bytea[]) to yima_app;
-- A birth date is no clinical date: what asks for one looks at the resource.
update resource set low = null, high = null where type in ('Patient', 'Person', 'RelatedPerson') and low is not null;
-- What is still to be sealed: empty, and next to nothing, once it is done.
create index resource_readable on resource (home, type, id) where substring(content from 1 for 1) = '\x7b';
create index history_readable on history (home, type, id, version) where substring(content from 1 for 1) = '\x7b';
