-- The life of a card: every state, its history, suspensions by two people, and whose codes lead to somebody else's card.
alter table card drop constraint card_status_check;
alter table card add constraint card_status_check check (
  status in ('applied', 'pre-issued', 'active', 'suspended', 'lost', 'merged', 'cancelled', 'deceased'));
alter table card alter column status set default 'active';
alter table card add column kind text not null default 'formal' check (kind in ('formal', 'temporary'));
alter table card add column suspended_until timestamptz; -- a suspension is over at this moment, whether or not anything ran

-- What happened to a card, and on whose word. Insert and read only, by the functions below.
create table card_event (
  person_id bigint not null,
  number bigint generated always as identity,
  card_id bytea not null,
  at timestamptz not null,
  event text not null,
  was text not null,
  became text not null,
  actor text not null,                  -- kind and id, e.g. operator/op-1
  reason text not null,
  legal_basis text not null,            -- of the closed list, for suspensions
  primary key (person_id, number)
);

-- Proposed by one person, approved by another. Until it is approved it changes nothing.
create table suspension (
  person_id bigint not null,
  suspension_id text not null,
  card_id bytea not null,
  proposed timestamptz not null,
  proposer text not null,
  reason text not null,
  legal_basis text not null,
  ends timestamptz not null,
  approver text,
  approved timestamptz,
  ended timestamptz,                    -- ended or withdrawn, before its time or at it
  ended_by text,
  primary key (person_id, suspension_id),
  check (approver <> proposer),
  check ((approver is null) = (approved is null)),
  check ((ended is null) = (ended_by is null)),
  check (ends > proposed and ends <= proposed + interval '90 days')
);
create index suspension_running on suspension (ends) where ended is null;

-- Two persons who turned out to be one: codes of the first lead to the card of the second. Its own card rests meanwhile.
create table merged (
  person_id bigint primary key,
  survivor bigint not null check (survivor <> person_id),
  at timestamptz not null
);

-- The moves there are: `healthcode.lifecycle.TABLE`, kept equal to it by a test.
create table card_move (
  event text not null,
  was text not null,
  became text not null,
  primary key (event, was, became)
);
insert into card_move (event, was, became) values
  ('apply', 'none', 'applied'),
  ('pre-issue', 'none', 'pre-issued'),
  ('issue', 'none', 'active'),
  ('activate', 'applied', 'active'),
  ('cancel', 'applied', 'cancelled'),
  ('formalise', 'applied', 'applied'),
  ('report-death', 'applied', 'deceased'),
  ('activate', 'pre-issued', 'active'),
  ('cancel', 'pre-issued', 'cancelled'),
  ('formalise', 'pre-issued', 'pre-issued'),
  ('report-death', 'pre-issued', 'deceased'),
  ('suspend', 'active', 'suspended'),
  ('report-lost', 'active', 'lost'),
  ('reissue', 'active', 'active'),
  ('cancel', 'active', 'cancelled'),
  ('formalise', 'active', 'active'),
  ('report-death', 'active', 'deceased'),
  ('merge', 'active', 'merged'),
  ('end-suspension', 'suspended', 'active'),
  ('formalise', 'suspended', 'suspended'),
  ('report-death', 'suspended', 'deceased'),
  ('report-found', 'lost', 'active'),
  ('reissue', 'lost', 'active'),
  ('cancel', 'lost', 'cancelled'),
  ('formalise', 'lost', 'lost'),
  ('report-death', 'lost', 'deceased'),
  ('formalise', 'merged', 'merged'),
  ('unmerge', 'merged', 'active'),
  ('restore', 'cancelled', 'active'),
  ('report-death', 'cancelled', 'deceased'),
  ('undo-death', 'deceased', 'applied'),
  ('undo-death', 'deceased', 'pre-issued'),
  ('undo-death', 'deceased', 'active'),
  ('undo-death', 'deceased', 'suspended'),
  ('undo-death', 'deceased', 'lost'),
  ('undo-death', 'deceased', 'cancelled');

-- The only statement that changes a card's standing. The application may not update the card table itself: what is not
-- a move of the table, or a suspension without two people, a reason, a legal basis and an end, does not happen.
create function move_card(
  p_person bigint, p_card bytea, p_event text, p_was text, p_became text, p_at timestamptz, p_actor text, p_reason text,
  p_basis text, p_suspension text
) returns boolean language plpgsql security definer set search_path = healthcode, pg_temp as $$
declare
  s suspension%rowtype;
begin
  if p_event = 'reissue' or not exists (
    select from card_move as m where m.event = p_event and m.was = p_was and m.became = p_became) then
    return false;
  end if;
  if p_event = 'suspend' then
    select * into s from suspension as x
    where x.person_id = p_person and x.suspension_id = p_suspension and x.card_id = p_card and x.approver is null
      and x.ended is null and x.proposer <> p_actor and x.ends > p_at and x.reason <> '' and x.legal_basis = p_basis
    for update;
  elsif p_became = 'suspended' or p_event = 'end-suspension' then
    select * into s from suspension as x
    where x.person_id = p_person and x.card_id = p_card and x.approver is not null and x.ended is null
    order by x.approved desc limit 1;
  end if;
  if p_became = 'suspended' and s.person_id is null then
    return false;
  end if;
  update card as c set status = p_became, suspended_until = case when p_became = 'suspended' then s.ends end,
    ended = case when p_became = 'cancelled' then p_at end,
    kind = case when p_event = 'formalise' then 'formal' else c.kind end,
    generation = case when p_event in ('report-found', 'restore') then (c.generation + 1) % 256 else c.generation end
  where c.person_id = p_person and c.card_id = p_card and c.status = p_was;
  if not found then
    return false;
  end if;
  if p_event = 'suspend' then
    update suspension as x set approver = p_actor, approved = p_at
    where x.person_id = p_person and x.suspension_id = s.suspension_id;
  elsif p_event = 'end-suspension' then
    update suspension as x set ended = p_at, ended_by = p_actor
    where x.person_id = p_person and x.suspension_id = s.suspension_id;
  end if;
  insert into card_event (person_id, card_id, at, event, was, became, actor, reason, legal_basis)
  values (p_person, p_card, p_at, p_event, p_was, p_became, p_actor, p_reason, p_basis);
  return true;
end $$;

-- A reissue: the old card is cancelled and a new one, with a new id and number, stands in its place. 0 = the card is no
-- longer in that state, 1 = done, 2 = the number is taken, ask again with another.
create function replace_card(
  p_person bigint, p_old bytea, p_was text, p_new bytea, p_number text, p_at timestamptz, p_actor text, p_reason text
) returns integer language plpgsql security definer set search_path = healthcode, pg_temp as $$
declare
  old card%rowtype;
begin
  if exists (select from card_lookup as l where l.number = p_number::character(16) or l.card_id = p_new) then
    return 2;
  end if;
  update card as c set status = 'cancelled', ended = p_at
  where c.person_id = p_person and c.card_id = p_old and c.status = p_was and c.ended is null
    and exists (select from card_move as m where m.event = 'reissue' and m.was = p_was)
  returning * into old;
  if not found then
    return 0;
  end if;
  insert into card (person_id, card_id, number, status, profile, issued, kind, generation)
  values (p_person, p_new, p_number, 'active', old.profile, p_at, old.kind, (old.generation + 1) % 256);
  insert into card_lookup (card_id, number, holder) values (p_new, p_number, p_person);
  insert into card_event (person_id, card_id, at, event, was, became, actor, reason, legal_basis)
  values (p_person, p_new, p_at, 'reissue', p_was, 'active', p_actor, p_reason, '');
  return 1;
end $$;

-- Cards that do not stand yet: applied for, or made in bulk before anybody came. Only for persons who never had one.
create function open_cards(
  p_persons bigint[], p_cards bytea[], p_numbers text[], p_profile text, p_event text, p_kind text, p_at timestamptz,
  p_actor text
) returns setof bigint language sql security definer set search_path = healthcode, pg_temp as $$
  with wanted as (
    select w.person_id, w.card_id, w.number, m.became
    from unnest(p_persons, p_cards, p_numbers) as w (person_id, card_id, number)
    join card_move as m on m.event = p_event and m.was = 'none' and m.became in ('applied', 'pre-issued')
    where not exists (select from card as c where c.person_id = w.person_id)
      and not exists (select from card_lookup as l where l.number = w.number::character(16))
  ), made as (
    insert into card (person_id, card_id, number, status, profile, issued, kind)
    select person_id, card_id, number, became, p_profile, p_at, p_kind from wanted order by person_id
    on conflict (person_id) where ended is null do nothing
    returning person_id, card_id, number, status
  ), found as (
    insert into card_lookup (card_id, number, holder) select card_id, number, person_id from made order by number
  )
  insert into card_event (person_id, card_id, at, event, was, became, actor, reason, legal_basis)
  select person_id, card_id, p_at, p_event, 'none', status, p_actor, '', '' from made
  returning person_id
$$;

-- A card whose number another card already had cannot be found: it is taken back in the transaction that made it.
create function withdraw_cards(p_persons bigint[], p_cards bytea[]) returns void
language sql security definer set search_path = healthcode, pg_temp as $$
  delete from card as c using unnest(p_persons, p_cards) as w (person_id, card_id)
  where c.person_id = w.person_id and c.card_id = w.card_id
    and not exists (select from card_lookup as l where l.card_id = c.card_id)
$$;

-- A proposal that is withdrawn before anybody approved it.
create function withdraw_suspension(p_person bigint, p_suspension text, p_at timestamptz, p_actor text) returns boolean
language sql security definer set search_path = healthcode, pg_temp as $$
  update suspension set ended = p_at, ended_by = p_actor
  where person_id = p_person and suspension_id = p_suspension and approver is null and ended is null
  returning true
$$;

revoke all on function move_card, replace_card, open_cards, withdraw_cards, withdraw_suspension from public;
grant execute on function move_card, replace_card, open_cards, withdraw_cards, withdraw_suspension to yima_app;
revoke insert, update, delete on card, card_lookup from yima_app;
grant insert (person_id, card_id, number, profile, issued, kind) on card to yima_app; -- a new card stands: `issue`
grant insert on card_lookup to yima_app;
grant select on card_event, card_move, suspension to yima_app;
grant insert (person_id, suspension_id, card_id, proposed, proposer, reason, legal_basis, ends) on suspension to yima_app;
grant select, insert, delete on merged to yima_app;
