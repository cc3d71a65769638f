//! seedwork
