DROP TABLE reservas;
DROP TABLE expedientes;
DROP TABLE clientes;
