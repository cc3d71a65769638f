//! The names that a column accepts, `CHECK (estado IN (…))`, are those of a `choice!` of the domain. A name that only the
//! domain knows would be refused by the table: a defect that clients see as a 500.

use super::assert_nothing;
use proc_macro2::TokenStream;
use sta_tests::guard::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Attribute, Ident, Item, LitStr, Token, Visibility, braced,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

type Names = BTreeSet<String>;

/// The names that the columns of a context accept, by table and column. The last migration decides.
fn checks(tree: &Tree, context: &str) -> BTreeMap<(String, String), (String, Names)> {
    let mut checks = BTreeMap::new();
    for (path, text) in tree.ending(&format!("crates/{context}/migrations"), "sql") {
        if !path.ends_with("/up.sql") {
            continue;
        }
        for (at, _) in text.match_indices("CHECK (") {
            let Some((column, rest)) = text[at + "CHECK (".len()..].split_once(" IN (") else { continue };
            let Some(list) = rest.split_once(')').map(|(list, _)| list).filter(|_| is_word(column)) else { continue };
            let names = list.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
            let table = ["CREATE TABLE ", "ALTER TABLE "].iter().filter_map(|statement| {
                let start = text[..at].rfind(statement)?;
                Some((start, text[start + statement.len()..].split_whitespace().next()?))
            });
            let table = table.max().map_or("", |(_, table)| table);
            checks.insert((table.to_owned(), column.to_owned()), (path.to_owned(), names));
        }
    }
    checks
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The names of every `choice!` in the domain of a context.
fn choices(tree: &Tree, context: &str) -> Vec<Names> {
    let domain = format!("crates/{context}/src/domain");
    let files = tree.ending(&domain, "rs");
    let items = files.flat_map(|(path, text)| {
        syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}")).items
    });
    let choices = items.filter_map(|item| match item {
        Item::Macro(item) if item.mac.path.segments.last().is_some_and(|last| last.ident == "choice") => Some(item.mac),
        _ => None,
    });
    choices.map(|choice| names.parse2(choice.tokens).expect("`choice!` has the form that this test knows")).collect()
}

fn names(input: ParseStream<'_>) -> syn::Result<Names> {
    input.call(Attribute::parse_outer)?;
    input.parse::<Visibility>()?;
    input.parse::<Token![enum]>()?;
    input.parse::<Ident>()?;
    if input.parse::<Option<Token![as]>>()?.is_some() {
        input.parse::<Ident>()?;
    }
    let variants;
    braced!(variants in input);
    let names = Punctuated::<String, Token![,]>::parse_terminated_with(&variants, name)?;
    // The refusal.
    input.parse::<TokenStream>()?;
    Ok(names.into_iter().collect())
}

fn name(input: ParseStream<'_>) -> syn::Result<String> {
    input.call(Attribute::parse_outer)?;
    let variant: Ident = input.parse()?;
    match input.parse::<Option<Token![=]>>()? {
        Some(_) => Ok(input.parse::<LitStr>()?.value()),
        None => Ok(variant.to_string()),
    }
}

fn unknown_names(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for context in tree.contexts() {
        let choices = choices(tree, &context);
        for ((table, column), (path, names)) in checks(tree, &context) {
            if !choices.contains(&names) {
                wrong.push(format!(
                    "{path}: `{table}.{column}` accepts {names:?}, and no `choice!` of the domain has just these names: \
                     add a migration with the new CHECK"
                ));
            }
        }
    }
    wrong
}

#[test]
fn a_column_accepts_the_names_of_a_choice() {
    let tree = Tree::workspace();
    assert!(!checks(&tree, "ingesta").is_empty(), "no CHECK was found: did the migrations move?");
    assert_nothing(unknown_names(&tree));
}

#[test]
fn a_check_that_differs_from_its_choice_is_named_until_a_migration_changes_it() {
    const CHOICE: &str = r#"
        seedwork::choice! {
            /// States.
            pub enum Estado as EstadoDeIngesta { /// One.
                Creada, Rechazada = "no", }
            /// None.
            pub struct EstadoInvalido: "estado-valido", "x";
        }"#;
    const TABLE: &str = "CREATE TABLE ingestas (id uuid, estado text NOT NULL CHECK (estado IN ('Creada', 'no')));";
    let judged = |choice: &str, first: &str, second: &str| {
        unknown_names(&Tree::of([
            ("crates/ingesta/src/domain/ingesta/estado.rs", choice),
            ("crates/ingesta/migrations/1_a/up.sql", first),
            ("crates/ingesta/migrations/2_b/up.sql", second),
        ]))
    };
    assert_nothing(judged(CHOICE, TABLE, ""));
    let extended = CHOICE.replace("Creada,", "Creada, Nueva,");
    assert_eq!(judged(&extended, TABLE, "").len(), 1);
    let migration = "ALTER TABLE ingestas ADD CONSTRAINT c CHECK (estado IN ('Creada', 'Nueva', 'no'));";
    assert_nothing(judged(&extended, TABLE, migration));
    assert_eq!(judged(CHOICE, TABLE, migration).len(), 1);
}
