DROP TABLE registered;
