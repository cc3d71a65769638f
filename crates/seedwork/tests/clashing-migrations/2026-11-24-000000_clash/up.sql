CREATE TABLE clash ();
