//! Reactions to events of other contexts: one reaction, one file.

mod on_cliente_desactivado;
