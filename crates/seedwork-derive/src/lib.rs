//! The derives of the seedwork. Use them through it: `seedwork::domain::Aggregate`,
//! `seedwork::application::{Fault, IntegrationEvent}`, `seedwork::infrastructure::postgres::Row`.

mod aggregate;
mod event;
mod fault;
mod row;

use proc_macro::TokenStream;

/// Implements `Aggregate` for the root of an aggregate: its id, its version and its recorded events.
///
/// The struct has a field `events: Recorded<E>`, and `#[aggregate(id = datos.id: IngestaId)]` names the field with the
/// id and the type of the id.
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn aggregate(input: TokenStream) -> TokenStream {
    aggregate::derive(&syn::parse_macro_input!(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `IntegrationEvent` for a record of the published language.
///
/// `#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta, version = version)]`
/// gives the full name of the record, the topic, the field with the key and, for an event, the field with the version
/// of the aggregate.
#[proc_macro_derive(IntegrationEvent, attributes(event))]
pub fn integration_event(input: TokenStream) -> TokenStream {
    event::derive(&syn::parse_macro_input!(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Fault` for the refusals of a context.
///
/// A variant has a kind and a slug, `#[fault(NotFound, "no-encontrado")]`, or holds another fault (broken rules, a
/// storage error) and answers as that one does. A variant may also stand for a unique constraint:
/// `#[fault(AlreadyExists, "email-registrado", unique = "clientes_email")]`. A violation of that constraint becomes
/// this variant. `unique` without a name stands for every other constraint; one
/// variant may have it.
#[proc_macro_derive(Fault, attributes(fault))]
pub fn fault(input: TokenStream) -> TokenStream {
    fault::derive(&syn::parse_macro_input!(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements batched writes for a diesel row struct: many rows, one prepared statement.
///
/// The table is the one in `#[diesel(table_name = …)]`. Without `#[row(…)]` the rows are the roots of aggregates, with
/// the fields `id` and `version`. `#[row(part_of = id_reserva)]` makes them parts, which are replaced together with
/// their root. `#[row(key = (id_reserva), order = version)]` makes them a read model in which an older row never
/// replaces a newer one.
#[proc_macro_derive(Row, attributes(row))]
pub fn row(input: TokenStream) -> TokenStream {
    row::derive(&syn::parse_macro_input!(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}
