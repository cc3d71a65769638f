-- The topics that a member reads: it has no share of others. NULL: a version that does not say it.
ALTER TABLE members ADD COLUMN topics text[];
