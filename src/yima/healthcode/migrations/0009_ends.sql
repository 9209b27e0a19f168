-- What ends with the card, and with a mandate.
-- Open visits end when the card is stopped; who was merged into a person is found from that person.
create index merged_survivor on merged (survivor);
-- What was stopped lately, for scans that were under way at that moment.
create index card_event_at on card_event using brin (at);

-- Codes that somebody else's phone was given to show, from the moment at which it may no longer show them: `bearer` stands
-- in each of those codes. Kept for two days; a phone keeps codes for one.
create table bearer_ended (
  person_id bigint not null,            -- whose codes
  bearer integer not null check (bearer > 0),
  at timestamptz not null,
  primary key (person_id, bearer)
);
create index bearer_ended_at on bearer_ended using brin (at);
grant select, insert, delete on bearer_ended to yima_app;
