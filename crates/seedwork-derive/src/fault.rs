//! `#[derive(Fault)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Token, Variant, parse::ParseStream};

/// The kind and the slug of a variant; none if it holds another fault.
type Attribute = Option<(Ident, LitStr)>;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a fault is an enum of refusals"));
    };
    let variants = data.variants.iter().map(|variant| Ok((&variant.ident, attribute(variant)?)));
    let variants = variants.collect::<Result<Vec<_>>>()?;
    let kinds = variants.iter().map(|(name, attribute)| match attribute {
        Some((kind, _)) => quote!(Self::#name { .. } => ::seedwork::application::FaultKind::#kind),
        None => quote!(Self::#name(inner) => ::seedwork::application::Fault::kind(inner)),
    });
    let slugs = variants.iter().map(|(name, attribute)| match attribute {
        Some((_, slug)) => quote!(Self::#name { .. } => #slug),
        None => quote!(Self::#name(inner) => ::seedwork::application::Fault::slug(inner)),
    });
    let delegated = |method: &str| {
        let method = format_ident!("{method}");
        let arms = variants.iter().map(move |(name, attribute)| match attribute {
            Some(_) => quote!(Self::#name { .. } => ::std::option::Option::None),
            None => quote!(Self::#name(inner) => ::seedwork::application::Fault::#method(inner)),
        });
        arms.collect::<Vec<_>>()
    };
    let (violations, storage_errors) = (delegated("violations"), delegated("storage_error"));
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

fn attribute(variant: &Variant) -> Result<Attribute> {
    let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("fault")) else {
        return match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok(None),
            _ => Err(Error::new_spanned(variant, "it holds no other fault: add `#[fault(Kind, \"slug\")]`")),
        };
    };
    attribute.parse_args_with(|input: ParseStream<'_>| {
        let kind = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(Some((kind, input.parse()?)))
    })
}
