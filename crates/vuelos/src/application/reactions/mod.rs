//! What this context does about what others say: one reaction, one file.

mod on_cliente_desactivado;
