-- Words that somebody typed lie sealed (yima/runtime/words.py). Those of before are readable until `yima keys seal` has been
-- through them: which they are, and the one way in which these columns may change.
create view readable_words (field, place, home, named, at, said) as
  select 'glass.question', ctid, person_id::bigint, handle, null::timestamptz, question
    from glass where question <> '' and question not like 'sealed:1:%'
  union all select 'glass.answer', ctid, person_id::bigint, handle, null::timestamptz, answer
    from glass where answer <> '' and answer not like 'sealed:1:%'
  union all select 'glass.reason', ctid, person_id::bigint, handle, null::timestamptz, reason
    from glass where reason <> '' and reason not like 'sealed:1:%'
  union all select 'stop.proposal', ctid, 0::bigint, stop_id::text, null::timestamptz, proposal
    from stop where proposal <> '' and proposal not like 'sealed:1:%'
  union all select 'finding.reason', ctid, person_id::bigint, reader || '|' || day::text, null::timestamptz, reason
    from finding where reason <> '' and reason not like 'sealed:1:%'
  union all select 'alarm.reason', ctid, 0::bigint, alarm_id::text, null::timestamptz, reason
    from alarm where reason <> '' and reason not like 'sealed:1:%'
  union all select 'objection.said', ctid, person_id::bigint, line, null::timestamptz, said
    from objection where said <> '' and said not like 'sealed:1:%'
  union all select 'objection.answer', ctid, person_id::bigint, objection, null::timestamptz, answer
    from objection where answer <> '' and answer not like 'sealed:1:%';
create function seal_words(p_field text, p_places tid[], p_words text[]) returns bigint
language plpgsql security definer set search_path = oversight, pg_temp as $$
declare
  done bigint;
begin
  if p_field = 'glass.question' then
    update glass t set question = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.question not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'glass.answer' then
    update glass t set answer = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.answer not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'glass.reason' then
    update glass t set reason = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.reason not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'stop.proposal' then
    update stop t set proposal = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.proposal not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'finding.reason' then
    update finding t set reason = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.reason not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'alarm.reason' then
    update alarm t set reason = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.reason not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'objection.said' then
    update objection t set said = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.said not like 'sealed:1:%' and w.word like 'sealed:1:%';
  elsif p_field = 'objection.answer' then
    update objection t set answer = w.word from unnest(p_places, p_words) as w(place, word)
    where t.ctid = w.place and t.answer not like 'sealed:1:%' and w.word like 'sealed:1:%';
  end if;
  get diagnostics done = row_count;
  return done;
end $$;
revoke all on function seal_words from public;
grant execute on function seal_words to yima_app;
grant select on readable_words to yima_app;
