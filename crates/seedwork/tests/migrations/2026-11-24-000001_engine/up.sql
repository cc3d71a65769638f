CREATE TABLE accounts (id uuid PRIMARY KEY, email text NOT NULL CONSTRAINT unique_email UNIQUE, balance bigint NOT NULL, version integer NOT NULL);
CREATE TABLE orders (id uuid PRIMARY KEY, version integer NOT NULL);
CREATE TABLE lines (order_id uuid NOT NULL REFERENCES orders, n integer NOT NULL, item text NOT NULL, PRIMARY KEY (order_id, n));
CREATE TABLE order_summaries (order_id uuid PRIMARY KEY, lines integer NOT NULL, version integer NOT NULL);
