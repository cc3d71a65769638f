-- How a text was written before is not known any more.
SELECT 1;
