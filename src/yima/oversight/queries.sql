-- name: mark
insert into oversight.mark (name, horizon) values ('watch', 0) on conflict (name) do update set horizon = mark.horizon
returning horizon
-- name: set_mark
update oversight.mark set horizon = $1 where name = 'watch'
-- name: latest_parts
select person_id, reader, day, part, last, lines, more, score, why, decided from oversight.finding as f
where (person_id, reader, day) in (select * from unnest($1::bigint[], $2::text[], $3::date[]))
  and not exists (select from oversight.finding as l
    where l.person_id = f.person_id and l.reader = f.reader and l.day = f.day and l.part > f.part)
order by person_id, reader, day for update
-- name: add_more
update oversight.finding as f set more = f.more + m.lines
from unnest($1::bigint[], $2::text[], $3::date[], $4::smallint[], $5::int[]) as m (person_id, reader, day, part, lines)
where f.person_id = m.person_id and f.reader = m.reader and f.day = m.day and f.part = m.part
-- name: put_findings
insert into oversight.finding (person_id, reader, day, institution, department, first, last, lines, persons, bases, line, score, why,
  state, visits, part)
select person_id, reader, day, institution, department, first, last, lines, persons, string_to_array(bases, ' '), line, score,
  string_to_array(why, ' '), state, string_to_array(visits, ' '), part
from unnest($1::bigint[], $2::text[], $3::date[], $4::int[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int[],
  $9::int[], $10::text[], $11::text[], $12::int[], $13::text[], $14::text[], $15::text[], $16::smallint[])
  as f (person_id, reader, day, institution, department, first, last, lines, persons, bases, line, score, why, state, visits, part)
order by person_id, reader, day
on conflict (person_id, reader, day, part) do update set last = greatest(finding.last, excluded.last),
  first = least(finding.first, excluded.first), lines = finding.lines + excluded.lines,
  persons = greatest(finding.persons, excluded.persons),
  bases = (select array_agg(distinct b order by b) from unnest(finding.bases || excluded.bases) as b),
  visits = (select coalesce(array_agg(distinct v order by v), '{}') from unnest(finding.visits || excluded.visits) as v),
  score = greatest(finding.score, excluded.score),
  why = case when excluded.score > finding.score then excluded.why else finding.why end,
  state = case when 'open' in (finding.state, excluded.state) then 'open' else 'noted' end
  where finding.state in ('open', 'noted', 'withdrawn')
-- name: open_since
select person_id, reader, day, institution, department, first, last, lines, persons, bases, line, score, why, state, officer,
  decided, reason, follows, visits, part from oversight.finding where state in ('open', 'noted') and last >= $1
-- name: rescore
update oversight.finding as f set score = n.score, why = string_to_array(n.why, ' '), state = n.state
from unnest($1::bigint[], $2::text[], $3::date[], $4::int[], $5::text[], $6::text[], $7::smallint[])
  as n (person_id, reader, day, score, why, state, part)
where f.person_id = n.person_id and f.reader = n.reader and f.day = n.day and f.part = n.part and f.state in ('open', 'noted')
-- name: unexplained_by
select r.reader,
  (select count(distinct f.person_id)::int from oversight.finding f
   where f.reader = r.reader and f.last >= $2 and f.why && array['no-relation', 'known-here-only', 'glass-without-care']
     and f.state in ('open', 'noted', 'misconduct')) as unexplained,
  (select count(distinct s.person_id)::int from oversight.seen s where s.reader = r.reader and s.hour >= $2) as seen
from unnest($1::text[]) as r (reader)
-- name: unexplained_share
select (select count(*)::int from oversight.finding f where f.last >= $1 and f.reader like $2
    and f.why && array['no-relation', 'known-here-only', 'glass-without-care'] and f.state in ('open', 'noted')) as unexplained,
  (select count(*)::int from (select distinct reader, person_id from oversight.seen where hour >= $1 and reader like $2) as s) as seen
-- name: findings
select person_id, reader, day, institution, department, first, last, lines, persons, bases, line, score, why, state, officer,
  decided, reason, follows, visits, part from oversight.finding
where state = 'open' or (state in ('explained', 'misconduct') and decided >= $1)
order by state = 'open' desc, score desc, last desc limit $2
-- name: open_finding
select person_id, reader, day, institution, department, first, last, lines, persons, bases, line, score, why, state, officer,
  decided, reason, follows, visits, part from oversight.finding
where person_id = $1 and reader = $2 and day = $3 and state = 'open' for update
-- name: decide_finding
update oversight.finding set state = $5, officer = $6, decided = $7, reason = $8, follows = $9
where person_id = $1 and reader = $2 and day = $3 and part = $4
-- name: saw
insert into oversight.seen (reader, hour, person_id) select * from unnest($1::text[], $2::timestamptz[], $3::bigint[])
  as s (reader, hour, person_id) order by reader, hour, person_id on conflict do nothing
-- name: persons_seen
select reader, hour, count(*)::int as persons from oversight.seen
where (reader, hour) in (select * from unnest($1::text[], $2::timestamptz[])) group by reader, hour
-- name: put_habits
insert into oversight.habit (reader, day, busiest) select reader, day, max(busiest) from unnest($1::text[], $2::date[], $3::int[])
  as h (reader, day, busiest) group by reader, day order by reader, day
on conflict (reader, day) do update set busiest = greatest(habit.busiest, excluded.busiest)
-- name: busiest_weeks
select reader, date_trunc('week', day)::date as week, max(busiest)::int as busiest from oversight.habit
where reader = any($1) and day < $2 group by 1, 2
-- name: usual
select reader, week, level, weeks from oversight.usual where reader = any($1)
-- name: put_usual
insert into oversight.usual (reader, week, level, weeks)
select * from unnest($1::text[], $2::date[], $3::real[], $4::int[]) as u (reader, week, level, weeks) order by reader
on conflict (reader) do update set week = excluded.week, level = excluded.level, weeks = excluded.weeks
-- name: explained
insert into oversight.usual as u (reader, week, level, weeks) values ($1, $2, $3, $4)
on conflict (reader) do update set level = greatest(u.level, excluded.level), weeks = greatest(u.weeks, excluded.weeks)
-- name: forget
with s as (delete from oversight.seen where hour < $1), h as (delete from oversight.habit where day < $2),
  u as (delete from oversight.usual where week < $4),
  n as (delete from oversight.finding where state = 'noted' and last < $3)
delete from oversight.told where at < $3
-- name: marked
select person_id, kind from oversight.marked where person_id = any($1)
-- name: every_mark
select person_id, kind from oversight.marked order by kind, person_id
-- name: put_marked
insert into oversight.marked (person_id, kind, at, actor) values ($1, $2, $3, $4) on conflict do nothing
-- name: drop_marked
delete from oversight.marked where person_id = $1 and kind = $2 returning 1
-- name: put_staff_self
insert into oversight.staff_self (person_id, practitioner) values ($1, $2) on conflict do nothing
-- name: staff_selves
select practitioner, person_id from oversight.staff_self where practitioner = any($1) or person_id = any($2)
-- name: raise_alarm
insert into oversight.alarm (kind, reader, institution, at, hour, persons, usual, line, stopped)
select $1::text, $2::text, $3::int, $4::timestamptz, $5::timestamptz, $6::int, $7::int, $8::text, $9::bool
where $9::bool or not exists (select from oversight.alarm as a where a.kind = 'bulk' and $1::text = 'bulk' and a.reader = $2::text
  and a.decided is null and a.persons * 2 >= $6::int)
on conflict (kind, reader, hour, line) do nothing returning alarm_id
-- name: alarms
select alarm_id, kind, reader, institution, at, hour, persons, usual, line, stopped, officer, decided, decision, reason, follows
from oversight.alarm where decided is null or decided >= $1 order by decided is null desc, at desc limit $2
-- name: decide_alarm
update oversight.alarm set officer = $2, decided = $3, decision = $4, reason = $5, follows = $6
where alarm_id = $1 and decided is null returning line, kind, reader, hour, persons
-- name: object
insert into oversight.objection (person_id, objection, line, said, opened, due) values ($1, $2, $3, $4, $5, $6)
on conflict (person_id, line) do nothing returning objection
-- name: objections
select person_id, objection, line, said, opened, due, officer, decided, decision, answer, follows from oversight.objection
where decided is null or decided >= $1 order by decided is null desc, due, objection limit $2
-- name: objections_of
select person_id, objection, line, said, opened, due, officer, decided, decision, answer, follows from oversight.objection
where person_id = any($1) order by opened desc
-- name: answer
update oversight.objection set officer = $3, decided = $4, decision = $5, answer = $6, follows = $7
where person_id = $1 and objection = $2 and decided is null returning line
-- name: choice
select wanted from oversight.notice_choice where person_id = $1
-- name: unwanted
select person_id from oversight.notice_choice where person_id = any($1) and not wanted
-- name: choose
insert into oversight.notice_choice (person_id, wanted, at) values ($1, $2, $3)
on conflict (person_id) do update set wanted = excluded.wanted, at = excluded.at
-- name: tell
insert into oversight.told (person_id, about, at) select * from unnest($1::bigint[], $2::text[], $3::timestamptz[])
  as t (person_id, about, at) order by 1, 2 on conflict do nothing returning person_id, about
-- name: put_glass
insert into oversight.glass (person_id, handle, institution, practitioner, opened, due) values ($1, $2, $3, $4, $5, $6)
-- name: glass_reviews
select person_id, handle, institution, practitioner, opened, due, state, question, asked, asked_by, answer, answered, officer,
  decided, reason from oversight.glass
where decided is null or decided >= $1 order by decided is null desc, due, handle limit $2
-- name: glass_review
select person_id, handle, institution, practitioner, opened, due, state, question, asked, asked_by, answer, answered, officer,
  decided, reason from oversight.glass where person_id = $1 and handle = $2
-- name: glasses_of
select person_id, handle, institution, practitioner, opened, due, state, question, asked, asked_by, answer, answered, officer,
  decided, reason from oversight.glass where practitioner = any($1) and opened >= $2 order by opened desc
-- name: questions_to
select person_id, handle, institution, practitioner, opened, due, state, question, asked, asked_by, answer, answered, officer,
  decided, reason from oversight.glass where practitioner = $1 and asked is not null
order by state = 'asked' desc, asked desc limit $2
-- name: ask_about
update oversight.glass set state = 'asked', question = $3, asked = $4, asked_by = $5, answer = null, answered = null
where person_id = $1 and handle = $2 and decided is null returning 1
-- name: answer_about
update oversight.glass set state = 'answered', answer = $3, answered = $4
where person_id = $1 and handle = $2 and practitioner = $5 and state = 'asked' returning 1
-- name: judge_glass
update oversight.glass set state = $6, reason = $3, decided = $4, officer = $5
where person_id = $1 and handle = $2 and decided is null returning 1
-- name: unjustified
select count(*)::int from oversight.glass where practitioner = $1 and state = 'unjustified' and decided >= $2
-- name: hold
select pg_advisory_xact_lock(hashtextextended('oversight.glass', $1))
-- name: put_stop
insert into oversight.stop (practitioner, institution, at, cause, number, decided_by) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing returning stop_id
-- name: stops
select stop_id, practitioner, institution, at, cause, number, decided_by, proposed_by, proposed, proposal, lifted_by, lifted
from oversight.stop where (lifted is null or lifted >= $1) and ($3::int is null or institution = $3)
order by lifted is null desc, at desc limit $2
-- name: stopped
select practitioner from oversight.stop where stop_id = $1
-- name: stop
select stop_id, practitioner, institution, at, cause, number, decided_by, proposed_by, proposed, proposal, lifted_by, lifted
from oversight.stop where stop_id = $1 for update
-- name: propose_lifting
update oversight.stop set proposed_by = $2, proposed = $3, proposal = $4
where stop_id = $1 and proposed_by is null and lifted is null returning 1
-- name: lift
update oversight.stop set lifted_by = $2, lifted = $3 where stop_id = $1
-- name: standing_stops
select count(*)::int from oversight.stop where practitioner = $1 and lifted is null
-- name: decided_since
select person_id, handle, institution, practitioner, opened, due, state, question, asked, asked_by, answer, answered, officer,
  decided, reason from oversight.glass where opened >= $1 or decided >= $1
