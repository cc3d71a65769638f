//! `#[derive(Fault)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Data, DataEnum, DeriveInput, Error, Fields, Ident, LitStr, Result, Token, Type, Variant, parse::ParseStream,
};

/// The attribute of a variant that holds no other fault.
struct Attribute {
    kind: Ident,
    slug: LitStr,
    unique: Option<Unique>,
}

/// The unique constraints that a variant stands for.
enum Unique {
    Named(LitStr),
    Any,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a fault is an enum of refusals"));
    };
    let variants = data.variants.iter().map(|variant| Ok((&variant.ident, attribute(variant)?)));
    let variants = variants.collect::<Result<Vec<_>>>()?;
    let kinds = variants.iter().map(|(name, attribute)| match attribute {
        Some(Attribute { kind, .. }) => quote!(Self::#name { .. } => ::seedwork::application::FaultKind::#kind),
        None => quote!(Self::#name(inner) => ::seedwork::application::Fault::kind(inner)),
    });
    let slugs = variants.iter().map(|(name, attribute)| match attribute {
        Some(Attribute { slug, .. }) => quote!(Self::#name { .. } => #slug),
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
    let from_storage_error = from_storage_error(name, data, &variants)?;
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
        #from_storage_error
    })
}

/// The conversion by which a violated unique constraint becomes the variant that stands for it.
fn from_storage_error(
    name: &Ident,
    data: &DataEnum,
    variants: &[(&Ident, Option<Attribute>)],
) -> Result<Option<TokenStream>> {
    let (mut named, mut any) = (Vec::new(), None);
    for (variant, attribute) in variants {
        match attribute.as_ref().and_then(|attribute| attribute.unique.as_ref()) {
            Some(Unique::Named(constraint)) => named.push(quote!(#constraint => Self::#variant)),
            Some(Unique::Any) if any.is_some() => {
                return Err(Error::new_spanned(
                    variant,
                    "another variant is `unique` without a constraint: name one of the two",
                ));
            }
            Some(Unique::Any) => any = Some(quote!(_ => Self::#variant)),
            None => {}
        }
    }
    if named.is_empty() && any.is_none() {
        return Ok(None);
    }
    let storage = data.variants.iter().find(|variant| holds_storage_error(variant)).ok_or_else(|| {
        Error::new_spanned(name, "`unique` needs a variant that holds the other errors: `Storage(StorageError)`")
    })?;
    let storage = &storage.ident;
    let any =
        any.unwrap_or_else(|| quote!(_ => Self::#storage(::seedwork::application::StorageError::Unique(constraint))));
    Ok(Some(quote! {
        impl ::std::convert::From<::seedwork::application::StorageError> for #name {
            fn from(error: ::seedwork::application::StorageError) -> Self {
                match error {
                    ::seedwork::application::StorageError::Unique(constraint) => match constraint.as_str() {
                        #(#named,)*
                        #any,
                    },
                    other => Self::#storage(other),
                }
            }
        }
    }))
}

fn holds_storage_error(variant: &Variant) -> bool {
    variant.fields.iter().any(|field| {
        matches!(&field.ty, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident == "StorageError"))
    })
}

fn attribute(variant: &Variant) -> Result<Option<Attribute>> {
    let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("fault")) else {
        return match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok(None),
            _ => Err(Error::new_spanned(variant, "it holds no other fault: add `#[fault(Kind, \"slug\")]`")),
        };
    };
    attribute.parse_args_with(|input: ParseStream<'_>| {
        let kind = input.parse()?;
        input.parse::<Token![,]>()?;
        let slug = input.parse()?;
        let unique = if input.is_empty() { None } else { Some(unique(input)?) };
        Ok(Some(Attribute { kind, slug, unique }))
    })
}

fn unique(input: ParseStream<'_>) -> Result<Unique> {
    input.parse::<Token![,]>()?;
    let word: Ident = input.parse()?;
    if word != "unique" {
        return Err(Error::new_spanned(word, "expected `unique` or `unique = \"<constraint>\"`"));
    }
    if input.is_empty() {
        return Ok(Unique::Any);
    }
    input.parse::<Token![=]>()?;
    Ok(Unique::Named(input.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn only_one_variant_is_unique_without_a_constraint() {
        let faults: [DeriveInput; 2] = [
            parse_quote! {
                enum Fault {
                    #[fault(AlreadyExists, "id-taken", unique)] Id,
                    #[fault(AlreadyExists, "email-taken", unique = "people_email")] Email,
                    Storage(StorageError),
                }
            },
            parse_quote! {
                enum Fault {
                    #[fault(AlreadyExists, "id-taken", unique)] Id,
                    #[fault(AlreadyExists, "email-taken", unique)] Email,
                    Storage(StorageError),
                }
            },
        ];
        let refused = faults.map(|fault| derive(&fault).err().map(|error| error.to_string()));
        let reason = "another variant is `unique` without a constraint: name one of the two";
        assert_eq!(refused, [None, Some(reason.to_owned())]);
    }
}
