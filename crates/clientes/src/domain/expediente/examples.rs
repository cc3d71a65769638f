//! An expediente in any state, for the tests of this crate.

use super::*;
use crate::domain::cliente::examples::{AYER, ID};

/// An expediente that came to `estado` yesterday and has version 1.
pub(crate) fn en(estado: Estado) -> Expediente {
    Expediente::restaurar(Datos { cliente: ID, estado, fecha_apertura: AYER }, 1)
}
