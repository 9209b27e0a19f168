-- name: put_lookup
insert into healthcode.national_lookup (card_id, holder) values ($1, $2) on conflict (card_id) do nothing

-- name: holder
select holder from healthcode.national_lookup where card_id = $1

-- name: put_card
insert into healthcode.national_card (person_id, card_id, mindex, document_type, system, made) values ($1, $2, $3, $4, $5, $6)
on conflict (person_id, card_id) do nothing

-- name: by_card_id
select c.person_id, c.card_id, c.mindex, c.document_type, c.system, c.made
from healthcode.national_lookup as l join healthcode.national_card as c on c.person_id = l.holder and c.card_id = l.card_id
where l.card_id = $1

-- name: cards_of
-- The card of a document before a temporary one, the newest first.
select person_id, card_id, mindex, document_type, system, made from healthcode.national_card
where person_id = $1 order by (system = ''), made desc, card_id

-- name: put_applicant
insert into healthcode.national_applicant (institution, document, holder) values ($1, $2, $3)
on conflict (institution, document) do update set holder = excluded.holder

-- name: applicant
select holder from healthcode.national_applicant where institution = $1 and document = any($2::bytea[])
order by array_position($2::bytea[], document) limit 1
