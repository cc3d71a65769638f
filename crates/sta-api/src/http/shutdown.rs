//! The end of the server: clients with a connection of their own must learn of it, or they ask on it until they are cut
//! off.

use actix_web::{Error, dev::ServiceResponse, http::ConnectionType};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the server ends. From then on each answer closes its connection.
#[derive(Clone, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// It ends.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Goes around every answer.
    pub(super) async fn around<B>(
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
