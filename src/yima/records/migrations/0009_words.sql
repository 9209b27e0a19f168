-- Words that somebody typed lie sealed (yima/runtime/words.py). Those of before are readable until `yima keys seal` has been
-- through them: which they are, and the one way in which these columns may change.
create view readable_words (field, place, home, named, at, said) as
  select 'erasure.reason', ctid, 0::bigint, proposer, proposed::timestamptz, reason
    from erasure where reason <> '' and reason not like 'sealed:1:%'
  union all select 'erasure.certificate', ctid, 0::bigint, erasure, null::timestamptz, certificate
    from erasure where certificate <> '' and certificate not like 'sealed:1:%';
create function seal_words(p_field text, p_places tid[], p_words text[]) returns bigint
language plpgsql security definer set search_path = records, pg_temp as $$
declare
  done bigint;
begin
  if p_field = 'erasure.reason' then
    update erasure t set reason = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.reason not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'erasure.certificate' then
    update erasure t set certificate = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.certificate not like 'sealed:1:%' and w.word like 'sealed:1:%';
  end if;
  get diagnostics done = row_count;
  return done;
end $$;
revoke all on function seal_words from public;
grant execute on function seal_words to yima_app;
grant select on readable_words to yima_app;
