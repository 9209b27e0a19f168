-- Patients that do not lie in the home of their person: a steward split them off or moved them. A home that one of these names holds
-- rows of several persons; hardly any does, so that asking costs next to nothing.
create index link_stray on link (home) where home <> person_id;
