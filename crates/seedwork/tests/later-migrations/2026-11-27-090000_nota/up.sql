ALTER TABLE pedidos ADD COLUMN nota text;
