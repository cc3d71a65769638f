//! ingesta
