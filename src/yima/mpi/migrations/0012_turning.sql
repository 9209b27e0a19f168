-- Hashes go over to another key (mpi.turning): of these tables nothing else is ever changed.
grant update (digest) on event to yima_app;
grant update (phone_key) on former to yima_app;
