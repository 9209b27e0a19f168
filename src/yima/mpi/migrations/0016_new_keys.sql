-- As in 0011, but that nobody can have the keys of a person who is made here: `on conflict` wrote each of them twice to the log and looked
-- for it once more, two fifths of what a key cost.
create or replace function note(
  p_at timestamptz, p_normaliser smallint,
  p_persons bigint[], p_sexes text[], p_births integer[], p_deceased boolean[], p_wraps bytea[], p_said bytea[],
  p_no_names boolean[], p_digits smallint[], p_phones bytea[],
  p_digests bytea[], p_holders bigint[], p_kinds text[], p_systems text[], p_institutions integer[], p_numbers bytea[],
  p_keys bigint[], p_keyed bigint[], p_profiled bigint[], p_words bytea[], p_sealed bytea[], p_decided bigint[], p_decisions jsonb[]) returns void
language plpgsql set search_path = mpi, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  with added as (
    insert into mpi.person (person_id, created, updated, sex, multiple_birth, deceased, wrap, said, no_name, birth_digits, phone_key)
    select p, p_at, p_at, s, m, d, w, q, n, b, k
    from unnest(p_persons, p_sexes, p_births, p_deceased, p_wraps, p_said, p_no_names, p_digits, p_phones)
      as t(p, s, m, d, w, q, n, b, k)),
  numbers as (
    insert into mpi.identifier (digest, person_id, kind, system, institution_id, number, created)
    select d, p, k, s, i, n, p_at
    from unnest(p_digests, p_holders, p_kinds, p_systems, p_institutions, p_numbers) as t(d, p, k, s, i, n)
    where not exists (select from mpi.frozen z where z.digest = d)
    order by d on conflict (digest) do nothing),
  keyed as (
    insert into mpi.candidate_key (key, person_id) select k, p from unnest(p_keys, p_keyed) as t(k, p)
    where p in (select unnest(p_persons)) order by k, p),
  more as (
    insert into mpi.candidate_key (key, person_id) select k, p from unnest(p_keys, p_keyed) as t(k, p)
    where p not in (select unnest(p_persons)) order by k, p on conflict do nothing),
  profiled as (
    insert into mpi.profile (person_id, digest, normaliser, said)
    select p, d, p_normaliser, s from unnest(p_profiled, p_words, p_sealed) as t(p, d, s)
    where (select count(*) from mpi.profile f where f.person_id = p) < 16 on conflict do nothing)
  insert into mpi.decision (person_id, at, institution_id, kind, rule, model, normaliser, evidence)
  select p, p_at, (d->>'institution')::integer, d->>'kind', d->>'rule', d->>'model', p_normaliser, d->'evidence'
  from unnest(p_decided, p_decisions) with ordinality as t(p, d, nr) order by nr;
end $$;
