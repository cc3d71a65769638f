-- Dead messages are counted without reading those that are tried again.
CREATE INDEX parked_dead ON parked (n) WHERE dead;
