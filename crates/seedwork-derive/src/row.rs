//! `#[derive(Row)]`: the rows of a table as columns for batched writes, and reads by id.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Path, Result, Token, parenthesized, punctuated::Punctuated};

/// The role of the rows of a table.
enum Kind {
    Root { listed_by: Option<Ident> },
    Part { parent: Ident },
    Projection { key: Vec<Ident>, order: Ident },
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let table = table(input)?;
    let fields = fields(input)?;
    let names: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let table_name = table.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    let row = &input.ident;
    let known = |column: &Ident| match names.contains(&column) {
        true => Ok(()),
        false => Err(Error::new_spanned(column, format!("`{row}` has no field `{column}`"))),
    };
    let (kind, role) = match kind(input)? {
        Kind::Root { listed_by } => {
            known(&format_ident!("id", span = row.span()))?;
            known(&format_ident!("version", span = row.span()))?;
            listed_by.iter().try_for_each(known)?;
            let listed = listed_by.map(|created| listed(row, &table, &created));
            let root = root(row, &table);
            (quote!(Root, key: &["id"], order: "version"), quote!(#root #listed))
        }
        Kind::Part { parent } => {
            known(&parent)?;
            let name = parent.to_string();
            (quote!(Part, key: &[#name], order: ""), part(row, &table, &parent))
        }
        Kind::Projection { key, order } => {
            key.iter().chain([&order]).try_for_each(known)?;
            let (columns, by) = (key.iter().map(ToString::to_string), order.to_string());
            (quote!(Projection, key: &[#(#columns),*], order: #by), projection(row, fields, &key, &order))
        }
    };
    let texts = names.iter().map(ToString::to_string);
    Ok(quote! {
        impl ::seedwork::infrastructure::postgres::Row for #row {
            const TABLE: &'static ::seedwork::infrastructure::postgres::Table =
                &::seedwork::infrastructure::postgres::Table {
                    name: #table_name,
                    columns: &[#((#texts, <#types as ::seedwork::infrastructure::postgres::Column>::ARRAY)),*],
                    role: ::seedwork::infrastructure::postgres::RowRole::#kind,
                };

            fn columns<'a>(rows: &[&'a Self]) -> ::std::vec::Vec<::seedwork::infrastructure::postgres::Param<'a>> {
                ::std::vec![#(::std::boxed::Box::new(
                    rows.iter().map(|row| &row.#names).collect::<::std::vec::Vec<_>>()
                )),*]
            }

            fn bytes(&self) -> usize {
                0 #(+ ::seedwork::infrastructure::postgres::Column::bytes(&self.#names))*
            }
        }
        #role
    })
}

fn root(row: &Ident, table: &Path) -> TokenStream {
    quote! {
        impl ::seedwork::infrastructure::postgres::Root for #row {
            fn id(&self) -> ::uuid::Uuid {
                self.id
            }

            fn version(&self) -> i32 {
                self.version
            }
        }

        impl ::seedwork::infrastructure::postgres::AggregateRows for #row {
            type Root = Self;

            fn root(&self) -> &Self {
                self
            }

            fn changes(self, expected: i32) -> ::std::vec::Vec<::seedwork::infrastructure::postgres::Change> {
                ::std::vec![::seedwork::infrastructure::postgres::Change::root(self, expected)]
            }

            async fn by_ids(
                ids: ::std::vec::Vec<::uuid::Uuid>,
                db: &mut ::diesel_async::AsyncPgConnection,
            ) -> ::diesel::QueryResult<::std::vec::Vec<Self>> {
                let query = ::diesel::QueryDsl::select(
                    ::diesel::QueryDsl::filter(#table::table, ::diesel::ExpressionMethods::eq_any(#table::id, ids)),
                    <Self as ::diesel::SelectableHelper<::diesel::pg::Pg>>::as_select(),
                );
                ::diesel_async::RunQueryDsl::load(query, db).await
            }
        }
    }
}

/// Implements keyset pagination: a page costs the same at any depth.
fn listed(row: &Ident, table: &Path, created: &Ident) -> TokenStream {
    quote! {
        impl ::seedwork::infrastructure::postgres::ListedRow for #row {
            fn cursor(&self) -> ::seedwork::application::PageCursor {
                ::seedwork::application::PageCursor { created: self.#created, id: self.id }
            }
        }

        impl #row {
            /// Selects one page of the table, newest first. The query has few shapes, so each stays prepared. It is
            /// boxed: diesel identifies a boxed query by its text.
            pub(crate) fn newest_first(
                page: &::seedwork::application::PageRequest,
            ) -> ::diesel::helper_types::IntoBoxed<
                'static,
                ::diesel::helper_types::Select<
                    #table::table,
                    ::diesel::helper_types::AsSelect<Self, ::diesel::pg::Pg>,
                >,
                ::diesel::pg::Pg,
            > {
                use ::diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
                let rows = #table::table.select(Self::as_select()).into_boxed();
                let rows = rows.order((#table::#created.desc(), #table::id.desc())).limit(page.with_one_more());
                match page.after {
                    ::std::option::Option::None => rows,
                    ::std::option::Option::Some(::seedwork::application::PageCursor { created, id }) => {
                        // The first condition is the start of the index scan.
                        let of_that_moment = #table::#created.lt(created).or(#table::id.lt(id));
                        rows.filter(#table::#created.le(created).and(of_that_moment))
                    }
                }
            }
        }
    }
}

fn part(row: &Ident, table: &Path, parent: &Ident) -> TokenStream {
    quote! {
        impl ::seedwork::infrastructure::postgres::Part for #row {
            fn parent(&self) -> ::uuid::Uuid {
                self.#parent
            }

            async fn by_parents(
                ids: &[::uuid::Uuid],
                db: &mut ::diesel_async::AsyncPgConnection,
            ) -> ::diesel::QueryResult<::std::vec::Vec<Self>> {
                let of_these = ::diesel::ExpressionMethods::eq_any(#table::#parent, ids.to_vec());
                let query = ::diesel::QueryDsl::select(
                    ::diesel::QueryDsl::filter(#table::table, of_these),
                    <Self as ::diesel::SelectableHelper<::diesel::pg::Pg>>::as_select(),
                );
                ::diesel_async::RunQueryDsl::load(query, db).await
            }
        }
    }
}

fn projection(row: &Ident, fields: &Punctuated<Field, Token![,]>, key: &[Ident], order: &Ident) -> TokenStream {
    let of = |column: &Ident| fields.iter().find(|field| field.ident.as_ref() == Some(column)).map(|field| &field.ty);
    let types = key.iter().filter_map(of);
    quote! {
        impl ::seedwork::infrastructure::postgres::Projection for #row {
            type Key = (#(#types,)*);

            fn key(&self) -> Self::Key {
                (#(::std::clone::Clone::clone(&self.#key),)*)
            }

            fn order(&self) -> i64 {
                ::std::convert::Into::into(self.#order)
            }
        }
    }
}

/// The table that the row's other derives already name: `#[diesel(table_name = …)]`.
fn table(input: &DeriveInput) -> Result<Path> {
    let mut found = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("diesel")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("table_name") {
                found = Some(meta.value()?.parse()?);
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let skipped;
                parenthesized!(skipped in meta.input);
                skipped.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    found.ok_or_else(|| Error::new_spanned(&input.ident, "`#[diesel(table_name = …)]` is missing"))
}

fn kind(input: &DeriveInput) -> Result<Kind> {
    let (mut parent, mut key, mut order, mut listed_by) = (None::<Ident>, Vec::new(), None::<Ident>, None::<Ident>);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("part_of") {
                parent = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("key") {
                let value = meta.value()?;
                let columns;
                parenthesized!(columns in value);
                key = Punctuated::<Ident, Token![,]>::parse_terminated(&columns)?.into_iter().collect();
            } else if meta.path.is_ident("order") {
                order = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("listed_by") {
                listed_by = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("expected `listed_by`, `part_of`, or `key` and `order`"));
            }
            Ok(())
        })?;
    }
    match (parent, key.is_empty(), order, listed_by) {
        (None, true, None, listed_by) => Ok(Kind::Root { listed_by }),
        (Some(parent), true, None, None) => Ok(Kind::Part { parent }),
        (None, false, Some(order), None) => Ok(Kind::Projection { key, order }),
        _ => Err(Error::new_spanned(
            &input.ident,
            "expected `part_of = …`, or `key = (…), order = …`, or for a root `listed_by = …` or nothing",
        )),
    }
}

fn fields(input: &DeriveInput) -> Result<&Punctuated<Field, Token![,]>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new_spanned(&input.ident, "a row is a struct with named fields")),
        },
        _ => Err(Error::new_spanned(&input.ident, "a row is a struct")),
    }
}
