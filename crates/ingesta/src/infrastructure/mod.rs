//! The adapters of ingesta: its tables, its HTTP routes and its messages.
