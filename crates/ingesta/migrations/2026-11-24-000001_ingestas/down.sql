DROP TABLE ingestas;
