//! The end of the server. Its last answers close their connections: otherwise clients send requests on them until they are
//! cut off.

use actix_web::{Error, dev::ServiceResponse, http::ConnectionType};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// The flag that the server ends. From then on each answer closes its connection.
#[derive(Clone, Default)]
pub(crate) struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Begins the end.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Closes the connection of an answer once the server ends.
    pub(super) async fn close_connections<B>(
        self,
        answer: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    ) -> Result<ServiceResponse<B>, Error> {
        let mut answer = answer.await?;
        if self.0.load(Ordering::Relaxed) {
            answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        Ok(answer)
    }
}
