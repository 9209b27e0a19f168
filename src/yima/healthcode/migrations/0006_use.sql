-- What codes were used for after the scan, authorisations asked by kiosks, and the facility's own codes with their queues.

-- A step that an institution's system reported. The verification itself is the visit's row.
create table card_use (
  person_id bigint not null,
  institution integer not null,
  key text not null,                    -- the institution's own key of the report: sent again, it changes nothing
  visit text not null default '',       -- '' = an authentic code that was never verified at this institution
  step text not null,
  scene text not null default '',
  channel text not null,
  department text not null default '',
  visit_type text not null default '',
  cost_types text[] not null default '{}',
  serial text not null default '',      -- the HIS's own number of the event
  at timestamptz not null,              -- when the step was done
  received timestamptz not null,
  primary key (person_id, institution, key)
);
create index card_use_at on card_use using brin (at);

-- Keys of reports by institution: the same key for another person is found as well. No person here.
create table use_key (
  institution integer not null,
  key text not null,
  digest bytea not null,                -- SHA-256 of what was reported
  received timestamptz not null,
  primary key (institution, key)
);

-- A day of one institution, counted by the nightly job. No person, no terminal, no time of day.
create table use_day (
  institution integer not null,
  day date not null,
  step text not null,
  channel text not null,
  verified integer not null,
  missing integer not null,             -- verified, and not reported in time
  unverified integer not null,          -- reported of a code that was never verified there
  primary key (institution, day, step, channel)
);

-- Found by time: a block range index costs a scan next to nothing when it is written.
create index visit_started on visit using brin (started);
create index redemption_at on redemption using brin (at);

-- A kiosk's question to whoever scans its screen. The person is in the visit's handle once there is one, not before.
create table kiosk_session (
  session text primary key,             -- 16 characters, 80 random bits, on the kiosk's screen
  institution integer not null,
  terminal text not null,
  step text not null,
  scene text not null default '',
  purpose text not null,
  state text not null default 'waiting' check (state in ('waiting', 'approved', 'refused')),
  visit text not null default '',
  created timestamptz not null,
  expires timestamptz not null
);
create index kiosk_session_expires on kiosk_session (expires);

-- A counter of an institution with its printed code, and how far its queue has come each day.
create table counter (
  counter_id text primary key,          -- 16 characters, 80 random bits, on the poster
  institution integer not null,
  department text not null,
  prefix text not null,                 -- before the number on a ticket
  name_zh text not null,
  name_en text not null,
  location text not null,
  status text not null default 'open' check (status in ('open', 'closed')),
  created timestamptz not null,
  unique (institution, prefix)
);
create table queue (
  counter_id text not null,
  day date not null,
  last integer not null,
  primary key (counter_id, day)
);

-- What a resident shared with a counter, and their place in its queue. Which fields, never their values.
create table share (
  person_id bigint not null,
  share_id text not null,
  counter_id text not null,
  institution integer not null,
  day date not null,
  number integer not null,
  visit text not null,
  phone boolean not null,               -- whether the phone is shown as well
  document boolean not null,            -- whether the masked document number is
  state text not null default 'waiting' check (state in ('waiting', 'received', 'called', 'done', 'absent')),
  created timestamptz not null,
  delivered timestamptz,                -- when the institution's system first read it
  changed timestamptz not null,
  primary key (person_id, share_id)
);
create index share_of_counter on share (counter_id, day, number);
create index share_waiting on share (institution, created) where state = 'waiting';

grant select, insert, update, delete on card_use, use_key, use_day, kiosk_session, counter, queue, share to yima_app;
