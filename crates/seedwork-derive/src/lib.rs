//! The derives of the seedwork. Use them through it: `seedwork::application::IntegrationEvent`,
//! `seedwork::infrastructure::postgres::Row`.

mod event;

use proc_macro::TokenStream;

/// Implements `IntegrationEvent` for a record of the published language.
///
/// `#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta)]`: the record's full
/// name, the topic, and the field that orders its messages.
#[proc_macro_derive(IntegrationEvent, attributes(event))]
pub fn integration_event(input: TokenStream) -> TokenStream {
    event::derive(&syn::parse_macro_input!(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}
