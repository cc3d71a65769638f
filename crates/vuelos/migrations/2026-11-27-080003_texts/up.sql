-- Texts are kept in Unicode's form C from now on, and none is without something to see (docs/adr/0019). Only rows with
-- other characters than those of ASCII are looked at.
-- The only texts of people in the JSON of `itinerarios` are names of airports.
UPDATE reservas
SET itinerarios = text_visible(itinerarios), motivo = left(text_prose(motivo), 500)
WHERE octet_length(concat(itinerarios, motivo)) <> char_length(concat(itinerarios, motivo))
    AND (itinerarios, motivo) IS DISTINCT FROM (text_visible(itinerarios), text_prose(motivo));

-- A leap second is the second after it from now on; after the last one there is no moment that RFC 3339 has a text for.
UPDATE reservas
SET itinerarios = regexp_replace(itinerarios, '9999-12-31T23:59:60(\.[0-9]+)?Z', '9999-12-31T23:59:59.999999Z', 'g'),
    fecha_salida = least(fecha_salida, '9999-12-31T23:59:59.999999Z')
WHERE itinerarios LIKE '%9999-12-31T23:59:60%' OR fecha_salida > '9999-12-31T23:59:59.999999Z';
