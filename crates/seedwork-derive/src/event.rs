//! `#[derive(IntegrationEvent)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Ident, LitStr, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let (mut record, mut topic, mut key, mut version) = (None::<LitStr>, None::<LitStr>, None::<Ident>, None::<Ident>);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("record") {
                record = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("topic") {
                topic = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("key") {
                key = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("version") {
                version = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("expected `record`, `topic`, `key` or `version`"));
            }
            Ok(())
        })?;
    }
    let missing = |what| Error::new_spanned(&input.ident, format!("`#[event(…)]` lacks `{what}`"));
    let record = record.ok_or_else(|| missing("record"))?;
    let topic = topic.ok_or_else(|| missing("topic"))?;
    let key = key.ok_or_else(|| missing("key"))?;
    let name = &input.ident;
    let aggregate_version = version.map(|version| {
        quote! {
            fn aggregate_version(&self) -> ::std::option::Option<i64> {
                ::std::option::Option::Some(::std::convert::Into::into(self.#version))
            }
        }
    });
    Ok(quote! {
        impl ::seedwork::application::IntegrationEvent for #name {
            const TYPE: &'static str = #record;
            const TOPIC: &'static str = #topic;
            fn key(&self) -> ::std::string::String {
                ::std::string::ToString::to_string(&self.#key)
            }
            #aggregate_version
        }
    })
}
