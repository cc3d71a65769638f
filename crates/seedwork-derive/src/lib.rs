//! seedwork-derive
