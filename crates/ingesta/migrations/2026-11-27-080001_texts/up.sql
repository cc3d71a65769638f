-- Texts are kept in Unicode's form C from now on, and none is without something to see (docs/adr/0019). Only rows with
-- other characters than those of ASCII are looked at.
UPDATE ingestas
SET id_proveedor = rtrim(left(text_visible(id_proveedor), 64)),
    id_paciente = rtrim(left(text_visible(id_paciente), 64)),
    motivo = left(text_prose(motivo), 500)
WHERE octet_length(concat(id_proveedor, id_paciente, motivo)) <> char_length(concat(id_proveedor, id_paciente, motivo))
    AND (id_proveedor, id_paciente, motivo)
        IS DISTINCT FROM (text_visible(id_proveedor), text_visible(id_paciente), text_prose(motivo));
