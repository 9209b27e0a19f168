-- Reissue ends what a lost phone can still show; what a scan says about where it happened.
alter table card add column generation smallint not null default 0 check (generation between 0 and 255);
comment on column card.generation is 'stands in every code from a phone; a reissue counts on (255 is followed by 0)';

alter table visit add column channel text;   -- how the code was presented, of the closed list CHANNELS
alter table visit add column scene text;     -- the finer step of care, of the closed list SCENES
