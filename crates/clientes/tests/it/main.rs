//! The context on a real PostgreSQL, asked through its routes.
