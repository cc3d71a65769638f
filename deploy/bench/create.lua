-- wrk: creates one ingesta a request.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"id_proveedor":"0123456789abcdef","id_paciente":"fedcba9876543210","url_path":"https://imagenes.example/0123456789abcdef.dcm"}'
