//! The extractors, the answers and the middleware, over a server with routes of every kind.
