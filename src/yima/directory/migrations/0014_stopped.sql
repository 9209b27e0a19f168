-- Access of staff that was stopped (oversight.stop) is another thing than a suspension: when the stop is lifted, who was
-- suspended meanwhile, or before, stays so.
alter table practitioner drop constraint practitioner_status_check;
alter table practitioner add constraint practitioner_status_check check (status in ('active', 'suspended', 'stopped'));
