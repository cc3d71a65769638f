DROP TABLE resumenes, lineas, pedidos, cuentas;
