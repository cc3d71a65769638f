CREATE TABLE cuentas (id uuid PRIMARY KEY, email text NOT NULL CONSTRAINT email_unico UNIQUE, saldo bigint NOT NULL, version integer NOT NULL);
CREATE TABLE pedidos (id uuid PRIMARY KEY, version integer NOT NULL);
CREATE TABLE lineas (id_pedido uuid NOT NULL REFERENCES pedidos, n integer NOT NULL, articulo text NOT NULL, PRIMARY KEY (id_pedido, n));
CREATE TABLE resumenes (id_pedido uuid PRIMARY KEY, lineas integer NOT NULL, version integer NOT NULL);
