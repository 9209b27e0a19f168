-- The review of each break-glass. What was said when it was opened stands in consent.emergency.
create table glass (
  person_id bigint not null,
  handle text not null,
  institution integer not null,
  practitioner integer not null,
  opened timestamptz not null,
  due timestamptz not null,             -- until when a verdict is owed
  state text not null default 'waiting' check (state in ('waiting', 'asked', 'answered', 'justified', 'unjustified')),
  question text,
  asked timestamptz,
  asked_by text,
  answer text,
  answered timestamptz,
  officer text,
  decided timestamptz,
  reason text,
  primary key (person_id, handle),
  check ((state in ('justified', 'unjustified')) = (decided is not null)),
  check (state <> 'asked' or question is not null),
  check (state <> 'answered' or answer is not null)
);
create index glass_due on glass (due) where decided is null;
create index glass_practitioner on glass (practitioner, opened desc);
-- Access of staff that was stopped; begun again by two people of the operator.
create table stop (
  stop_id bigint generated always as identity primary key,
  practitioner integer not null,
  institution integer not null,
  at timestamptz not null,
  cause text not null check (cause in ('glass-unexplained', 'glass-unjustified', 'bulk', 'decision')),
  number integer not null,              -- of break-glasses or persons that led to it
  decided_by text not null,             -- platform, or operator/code
  proposed_by text,
  proposed timestamptz,
  proposal text,
  lifted_by text,
  lifted timestamptz,
  check (lifted_by is null or (proposed_by is not null and lifted_by <> proposed_by))
);
create unique index stop_standing on stop (practitioner, cause) where lifted is null;
grant select, insert on glass, stop to yima_app; -- decided once, and never taken away:
grant update (state, question, asked, asked_by, answer, answered, officer, decided, reason) on glass to yima_app;
grant update (proposed_by, proposed, proposal, lifted_by, lifted) on stop to yima_app;
