-- Texts are kept in Unicode's form C from now on, and none is without something to see (docs/adr/0019). Only rows with
-- other characters than those of ASCII are looked at.
-- Emails and numbers of documents are ASCII: no two clientes become the same.
UPDATE clientes
SET nombres = rtrim(left(text_visible(nombres), 100)),
    apellidos = rtrim(left(text_visible(apellidos), 100)),
    razon_social = rtrim(left(text_visible(razon_social), 100)),
    documento_ciudad = rtrim(left(text_visible(documento_ciudad), 100)),
    motivo = left(text_prose(motivo), 500)
WHERE octet_length(concat(nombres, apellidos, razon_social, documento_ciudad, motivo))
        <> char_length(concat(nombres, apellidos, razon_social, documento_ciudad, motivo))
    AND (nombres, apellidos, razon_social, documento_ciudad, motivo)
        IS DISTINCT FROM (text_visible(nombres), text_visible(apellidos), text_visible(razon_social),
            text_visible(documento_ciudad), text_prose(motivo));

-- What was heard of a leap second at the end of the last year that RFC 3339 has a text for.
UPDATE reservas SET fecha = '9999-12-31T23:59:59.999999Z' WHERE fecha > '9999-12-31T23:59:59.999999Z';
