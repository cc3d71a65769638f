//! `#[derive(Fault)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Token, Variant, parse::ParseStream};

/// What a variant says of itself: its kind and its slug; without them, it is what it holds.
type Told = Option<(Ident, LitStr)>;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a fault is an enum of the ways to be refused"));
    };
    let (mut kinds, mut slugs) = (Vec::new(), Vec::new());
    let (mut violations, mut storage_errors) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        let name = &variant.ident;
        match told(variant)? {
            Some((kind, slug)) => {
                kinds.push(quote!(Self::#name { .. } => ::seedwork::application::FaultKind::#kind));
                slugs.push(quote!(Self::#name { .. } => #slug));
                violations.push(quote!(Self::#name { .. } => ::std::option::Option::None));
                storage_errors.push(quote!(Self::#name { .. } => ::std::option::Option::None));
            }
            None => {
                kinds.push(quote!(Self::#name(inner) => ::seedwork::application::Fault::kind(inner)));
                slugs.push(quote!(Self::#name(inner) => ::seedwork::application::Fault::slug(inner)));
                violations.push(quote!(Self::#name(inner) => ::seedwork::application::Fault::violations(inner)));
                storage_errors.push(quote!(Self::#name(inner) => ::seedwork::application::Fault::storage_error(inner)));
            }
        }
    }
    let name = &input.ident;
    Ok(quote! {
        impl ::seedwork::application::Fault for #name {
            fn kind(&self) -> ::seedwork::application::FaultKind {
                match self { #(#kinds,)* }
            }
            fn slug(&self) -> &'static str {
                match self { #(#slugs,)* }
            }
            fn violations(&self) -> ::std::option::Option<&::seedwork::domain::Violations> {
                match self { #(#violations,)* }
            }
            fn storage_error(&self) -> ::std::option::Option<&::seedwork::application::StorageError> {
                match self { #(#storage_errors,)* }
            }
        }
    })
}

fn told(variant: &Variant) -> Result<Told> {
    let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("fault")) else {
        return match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok(None),
            _ => Err(Error::new_spanned(variant, "it holds no other fault: say `#[fault(Kind, \"slug\")]`")),
        };
    };
    attribute.parse_args_with(|input: ParseStream<'_>| {
        let kind = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(Some((kind, input.parse()?)))
    })
}
