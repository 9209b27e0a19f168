-- What the privacy officer works with: looks worth asking about, alarms, residents' objections, marked persons, notices.
-- The log itself stays in audit; here are opinions about its lines, which may change.
create table mark (
  name text primary key,                -- 'watch'
  horizon bigint not null               -- log lines of transactions before this one have been looked at
);
-- A look of one reader at one person's record on one day that its care relations do not explain well.
create table finding (
  person_id bigint not null,
  reader text not null,                 -- kind/id, e.g. practitioner/12
  day date not null,
  institution integer not null,
  department text not null,
  first timestamptz not null,
  last timestamptz not null,
  lines integer not null,
  persons integer not null,             -- whom the reader looked at within that hour, at most
  bases text[] not null,
  line text not null,                   -- one of its lines in the log
  score integer not null,
  why text[] not null,                  -- codes of oversight.scoring, heaviest first
  state text not null default 'open' check (state in ('open', 'withdrawn', 'explained', 'misconduct')),
  officer text,
  decided timestamptz,
  reason text,
  follows text,
  primary key (person_id, reader, day)
);
create index finding_open on finding (score desc) where state = 'open';
-- Whom a reader saw in an hour; forgotten after a day.
create table seen (
  reader text not null,
  hour timestamptz not null,
  person_id bigint not null,
  primary key (reader, hour, person_id)
);
-- How busy a reader's hours were; kept for four weeks, so that a reader is measured against itself.
create table habit (
  reader text not null,
  day date not null,
  busiest integer not null,             -- persons in the busiest hour of that day
  primary key (reader, day)
);
create table alarm (
  alarm_id bigint generated always as identity primary key,
  kind text not null check (kind in ('bulk', 'canary', 'unlogged')),
  reader text not null,
  institution integer not null,
  at timestamptz not null,
  hour timestamptz not null,
  persons integer not null,
  usual integer not null,               -- the busiest hour of four weeks, of the same reader
  line text not null,
  stopped boolean not null,             -- whether the reader was stopped by itself
  officer text,
  decided timestamptz,
  decision text check (decision in ('explained', 'misconduct')),
  reason text,
  follows text,
  unique (kind, reader, hour, line)
);
-- Persons of whom more is watched: everybody knows them (vip), or nobody exists behind them (canary).
create table marked (
  person_id bigint not null,
  kind text not null check (kind in ('vip', 'canary')),
  at timestamptz not null,
  actor text not null,
  primary key (person_id, kind)
);
-- Which member of staff is which resident, where they said so: a look at one's own family is seen as one.
create table staff_self (
  person_id bigint not null,
  practitioner integer not null,
  primary key (person_id, practitioner)
);
-- "This looks wrong", said by a resident of a line of the own log, and what the privacy officer answered.
create table objection (
  person_id bigint not null,
  objection text not null,
  line text not null,
  said text not null,
  opened timestamptz not null,
  due timestamptz not null,
  officer text,
  decided timestamptz,
  decision text check (decision in ('explained', 'misconduct')),
  answer text,
  follows text,
  primary key (person_id, objection),
  unique (person_id, line)
);
create index objection_due on objection (due) where decided is null;
-- Whether a resident wants a notice of each access; no row is yes.
create table notice_choice (
  person_id bigint primary key,
  wanted boolean not null,
  at timestamptz not null
);
-- What was said to whom already; forgotten after a week.
create table told (
  person_id bigint not null,
  about text not null,                  -- a visit's handle or a line
  at timestamptz not null,
  primary key (person_id, about)
);
grant select, insert, update, delete on mark, finding, seen, habit, marked, staff_self, notice_choice, told to yima_app;
grant select, insert on alarm, objection to yima_app; -- decided once, and never taken away:
grant update (officer, decided, decision, reason, follows) on alarm to yima_app;
grant update (officer, decided, decision, answer, follows) on objection to yima_app;
