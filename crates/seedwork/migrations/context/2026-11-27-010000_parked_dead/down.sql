DROP INDEX parked_dead;
