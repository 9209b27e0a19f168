-- name: lock
-- Whoever makes or begins a signer does so alone; everybody else waits and then finds it made.
select pg_advisory_xact_lock($1)

-- name: authorities
select algorithm, level, number, key_id, certificate, created from healthcode.authority
where algorithm = any($1::text[]) order by algorithm, level desc, number

-- name: add_authority
insert into healthcode.authority (algorithm, level, number, key_id, certificate, created)
values ($1, $2, $3, $4, $5, $6)

-- name: present_signer
-- The signer whose turn it is: begun, in time, with more room than the margin that concurrent issuers may still use up.
-- Begun, whenever: a worker whose clock is behind that of the one who began it must not begin another.
select s.number, s.key_id, s.algorithm, s.use, s.certificate, s.issuer, s.cap, s.status_bits, s.created, s.begins,
  s.ends, s.not_after, s.revoked, s.reason, s.status_version
from healthcode.signer as s
where s.algorithm = $1 and s.use = $2 and s.revoked is null and s.begins is not null and s.ends > $3
  and (select sum(room) from healthcode.signer_room where signer = s.number) > least(1000, s.cap / 100)
order by s.number limit 1

-- name: waiting_signer
select number, key_id, algorithm, use, certificate, issuer, cap, status_bits, created, begins, ends, not_after, revoked,
  reason, status_version
from healthcode.signer
where algorithm = $1 and use = $2 and revoked is null and begins is null and ends > $3
order by number limit 1

-- name: signers
select s.number, s.key_id, s.algorithm, s.use, s.certificate, s.issuer, s.cap, s.status_bits, s.created, s.begins,
  s.ends, s.not_after, s.revoked, s.reason, s.status_version,
  (select s.cap - coalesce(sum(room), 0) from healthcode.signer_room where signer = s.number)::integer as signed
from healthcode.signer as s where s.algorithm = any($1::text[]) and s.not_after > $2 order by s.number

-- name: next_number
select coalesce(max(number), 0) + 1 as number from healthcode.signer

-- name: add_signer
insert into healthcode.signer (number, key_id, algorithm, use, certificate, issuer, cap, status_bits, created, begins,
  ends, not_after)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: add_room
insert into healthcode.signer_room (signer, stripe, room)
select $1, stripe - 1, room from unnest($2::integer[]) with ordinality as r (room, stripe)

-- name: begin_signer
update healthcode.signer set begins = $2, ends = $3 where number = $1 and begins is null

-- name: revoke_signer
update healthcode.signer set revoked = $2, reason = $3 where key_id = $1 and revoked is null returning number

-- name: add_event
insert into healthcode.signer_event (key_id, at, act, by_whom, reason) values ($1, $2, $3, $4, $5)

-- name: events
select key_id, at, act, by_whom, reason from healthcode.signer_event order by event

-- name: signer_by_key
select number, key_id, algorithm, use, certificate, issuer, cap, status_bits, created, begins, ends, not_after, revoked,
  reason, status_version
from healthcode.signer where key_id = $1

-- name: take_room
-- One credential less that the signer may sign. Rows that somebody else is taking from just now are passed over.
update healthcode.signer_room set room = room - 1
where (signer, stripe) = (
  select signer, stripe from healthcode.signer_room where signer = $1 and room > 0
  order by (stripe + $2::integer) % 16 limit 1 for update skip locked)
returning room

-- name: take_last_room
-- The same when all rows with room were being taken from: wait for one of them.
update healthcode.signer_room set room = room - 1
where signer = $1 and room > 0 and stripe = (
  select stripe from healthcode.signer_room where signer = $1 and room > 0 order by stripe limit 1 for update)
returning room

-- name: take_index
-- The first of these random places that nobody has.
insert into healthcode.status_index (list, index, holder)
select $1, w.index, $3 from unnest($2::integer[]) with ordinality as w (index, nth)
where not exists (select from healthcode.status_index as t where t.list = $1 and t.index = w.index)
order by w.nth limit 1
on conflict (list, index) do nothing
returning index

-- name: log_issuance
insert into healthcode.issuance (person_id, list, index, kind, key_id, issued, expires, asked_by, proofed_by, proofing,
  assurance)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: credentials
select i.person_id, i.list, i.index, i.kind, i.key_id, i.issued, i.expires, i.asked_by, i.proofed_by, i.proofing,
  i.assurance, r.at as revoked, r.reason
from healthcode.issuance as i
left join healthcode.revocation as r on r.list = i.list and r.index = i.index
where i.person_id = $1 and i.expires > $2
order by i.issued desc, i.list, i.index

-- name: revoke
-- Revokes those of these places that are this person's and not revoked yet. The lists are locked in their order, so that
-- two revocations wait for each other and never deadlock; each list's version rises by one, whatever their number.
with wanted as (
  select i.list, i.index from healthcode.issuance as i
  join unnest($2::integer[], $3::integer[]) as w (list, index) on w.list = i.list and w.index = i.index
  where i.person_id = $1
    and not exists (select from healthcode.revocation as r where r.list = i.list and r.index = i.index)
), locked as materialized (
  select number from healthcode.signer where number in (select list from wanted) order by number for update
), raised as (
  update healthcode.signer as s set status_version = s.status_version + 1
  from locked where s.number = locked.number
  returning s.number, s.status_version
)
insert into healthcode.revocation (list, index, version, at, reason)
select w.list, w.index, raised.status_version, $4, $5 from wanted as w join raised on raised.number = w.list
order by w.list, w.index
on conflict (list, index) do nothing
returning list, index

-- name: end_turn
update healthcode.signer set ends = $2 where number = $1

-- name: published_lists
-- Lists whose credentials may still be valid, of signers that have begun.
select number from healthcode.signer
where begins is not null and not_after > $1 and use in ('identity', 'shc', 'device') order by number

-- name: trust_state
-- What tells that the trust list has to change: counts that only rise, and the last one that was published.
select count(*) as signers, count(s.begins) as begun, count(s.revoked) as revoked,
  count(*) filter (where s.ends <= $2) as ended,
  (select max(version) from healthcode.trust_list where algorithm = $1) as version,
  (select max(issued) from healthcode.trust_list where algorithm = $1) as issued
from healthcode.signer as s where s.algorithm = $1

-- name: latest_trust_list
select version, issued, content, token from healthcode.trust_list where algorithm = $1 order by version desc limit 1

-- name: add_trust_list
insert into healthcode.trust_list (algorithm, version, issued, content, token) values ($1, $2, $3, $4, $5)

-- name: list_state
select s.status_version, s.algorithm, s.status_bits,
  (select max(at) from healthcode.revocation where list = s.number and version = s.status_version) as changed,
  (select count(*) from healthcode.signer where use = 'status-list' and revoked is not null) as revoked_signers
from healthcode.signer as s
where s.number = $1 and s.not_after > $2 and s.use in ('identity', 'shc', 'device')

-- name: revoked_until
-- As one value, four bytes each: ten thousand rows would take ten times as long.
select coalesce(string_agg(int4send(index), ''::bytea), ''::bytea) as indexes
from healthcode.revocation where list = $1 and version > $2 and version <= $3

-- name: health_card_signers
select number, certificate, status_version from healthcode.signer
where use = 'shc' and revoked is null and not_after > $1 order by number
