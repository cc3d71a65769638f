//! The reference of the benches for reads: the same server, which answers every path with the same bytes out of memory.
//!
//! `memory <file>` listens on a free port of loopback, says which, and serves what is in the file.

use actix_web::{App, HttpResponse, HttpServer, http::header, middleware::from_fn, web};
use seedwork::infrastructure::http::middleware;
use std::{io::Write, sync::Arc};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: memory <file>"))?;
    let bytes: Arc<str> = std::fs::read_to_string(file)?.into();
    let server = HttpServer::new(move || {
        let bytes = Arc::clone(&bytes);
        let answer = move || {
            let body = bytes.to_string();
            async {
                HttpResponse::Ok().insert_header((header::ETAG, "\"1\"")).content_type("application/json").body(body)
            }
        };
        App::new().default_service(web::to(answer)).wrap(from_fn(middleware))
    })
    .bind("127.0.0.1:0")?;
    let mut out = std::io::stdout();
    for address in server.addrs() {
        writeln!(out, "memory listens on http://{address}")?;
    }
    out.flush()?;
    Ok(server.run().await?)
}
