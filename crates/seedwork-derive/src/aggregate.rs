//! `#[derive(Aggregate)]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Data, DeriveInput, Error, GenericArgument, Member, PathArguments, Result, Token, Type, parse::ParseStream,
    punctuated::Punctuated,
};

/// The field with the recorded events.
const EVENTS: &str = "events";

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "an aggregate is a struct"));
    };
    let events = data.fields.iter().find(|field| field.ident.as_ref().is_some_and(|name| name == EVENTS));
    let event = events.and_then(|field| recorded(&field.ty)).ok_or_else(|| {
        Error::new_spanned(&input.ident, "an aggregate has a field `events: Recorded<E>` with its recorded events")
    })?;
    let (id, id_type) = id(input)?;
    let name = &input.ident;
    Ok(quote! {
        impl ::seedwork::domain::Aggregate for #name {
            type Id = #id_type;
            type Event = #event;

            fn id(&self) -> #id_type {
                self.#id
            }

            fn version(&self) -> ::seedwork::domain::Version {
                self.events.version()
            }

            fn take_events(&mut self) -> ::std::vec::Vec<#event> {
                self.events.take()
            }
        }
    })
}

/// Returns the `E` of `Recorded<E>`.
fn recorded(field: &Type) -> Option<&Type> {
    let Type::Path(path) = field else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(event) => Some(event),
        _ => None,
    })
}

/// Reads `#[aggregate(id = datos.id: IngestaId)]`: the fields that lead to the id, and its type.
fn id(input: &DeriveInput) -> Result<(Punctuated<Member, Token![.]>, Type)> {
    let usage = || "write `#[aggregate(id = <field>: <Type>)]`: where the id is, and its type";
    let attribute = input.attrs.iter().find(|attribute| attribute.path().is_ident("aggregate"));
    let attribute = attribute.ok_or_else(|| Error::new_spanned(&input.ident, usage()))?;
    attribute.parse_args_with(|input: ParseStream<'_>| {
        let id: Ident = input.parse()?;
        if id != "id" {
            return Err(Error::new_spanned(id, usage()));
        }
        input.parse::<Token![=]>()?;
        let fields = Punctuated::parse_separated_nonempty(input)?;
        input.parse::<Token![:]>()?;
        Ok((fields, input.parse()?))
    })
}
