-- Who may act for somebody, taken away by an authority's order: proposed by one person, approved by another; undone by two
-- again. It may keep the two apart for a while: no mandate between them is recorded before `bars_until`.
create table removal (
  person_id bigint not null,            -- for whom was acted
  removal_id text not null,
  agent bigint not null,                -- who may no longer: a person
  legal_basis text not null,            -- of a closed list: consent.REMOVAL_BASES
  reference text not null,              -- of the order, sealed
  reason text not null,                 -- sealed
  bars_until timestamptz,
  proposed timestamptz not null,
  proposer text not null,
  withdrawn timestamptz,
  withdrawn_by text,
  approved timestamptz,
  approver text,
  undo_proposed timestamptz,
  undo_proposer text,
  undo_reason text,                     -- sealed
  undone timestamptz,
  undone_by text,
  primary key (person_id, removal_id),
  check (agent <> person_id),
  check (approver <> proposer and (approver is null) = (approved is null)),
  check (undone_by <> undo_proposer and (undone_by is null) = (undone is null)),
  check (approved is null or withdrawn is null),
  check (approved is not null or undo_proposer is null),
  check (undo_proposer is not null or undone is null),
  check (bars_until > proposed)
);
create index removal_lately on removal (proposed);

-- The only way in which a removal changes. False: it is not in a state for that, or the same account would be both people.
create function decide_removal(
  p_person bigint, p_removal text, p_act text, p_actor text, p_at timestamptz, p_reason text
) returns boolean language plpgsql security definer set search_path = consent, pg_temp as $$
begin
  if p_act = 'approve' then
    update removal set approver = p_actor, approved = p_at
    where person_id = p_person and removal_id = p_removal and approver is null and withdrawn is null and proposer <> p_actor;
  elsif p_act = 'withdraw' then
    update removal set withdrawn_by = p_actor, withdrawn = p_at
    where person_id = p_person and removal_id = p_removal and approver is null and withdrawn is null;
  elsif p_act = 'propose-undo' then
    update removal set undo_proposer = p_actor, undo_proposed = p_at, undo_reason = p_reason
    where person_id = p_person and removal_id = p_removal and approver is not null and undo_proposer is null;
  elsif p_act = 'undo' then
    update removal set undone_by = p_actor, undone = p_at
    where person_id = p_person and removal_id = p_removal and undo_proposer <> p_actor and undone is null;
  else
    return false;
  end if;
  return found;
end $$;
revoke all on function decide_removal from public;
grant execute on function decide_removal to yima_app;
grant select on removal to yima_app;
grant insert (person_id, removal_id, agent, legal_basis, reference, reason, bars_until, proposed, proposer) on removal to yima_app;
