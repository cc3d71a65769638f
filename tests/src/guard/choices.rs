//! The closed lists of names of a context: what its `choice!` declare, and what the `CHECK` of a column admits.

use super::tree::Tree;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;

/// A list that the domain declares with `choice!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The file that declares it.
    pub path: String,
    /// The type's name.
    pub name: String,
    /// The names of its variants as they are stored.
    pub names: BTreeSet<String>,
}

/// A `CHECK` that the database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The context whose schema has the table.
    pub context: String,
    /// The table.
    pub table: String,
    /// The constraint, as `pg_get_constraintdef` returns it.
    pub definition: String,
}

/// Returns what is wrong with the checks: each column that is compared with texts admits the names of a choice of its
/// context, all of them and no other. Only tables of the context's own migrations count.
pub fn checks_without_choice(tree: &Tree, checks: &[Check]) -> Vec<String> {
    let mut wrong = Vec::new();
    for check in checks.iter().filter(|check| is_own(tree, check)) {
        let choices = choices(tree, &check.context);
        for (column, names) in admitted(&check.definition) {
            if choices.iter().any(|choice| choice.names == names) {
                continue;
            }
            let place = format!("{}.{}.{column}", check.context, check.table);
            let shared = |choice: &&Choice| choice.names.intersection(&names).count();
            wrong.push(match choices.iter().max_by_key(shared).filter(|choice| shared(choice) > 0) {
                Some(Choice { path, name, names: known }) => format!(
                    "{place}: its CHECK refuses {:?} and admits {:?} beside `{name}` ({path}): a migration changes a CHECK",
                    known.difference(&names).collect::<Vec<_>>(),
                    names.difference(known).collect::<Vec<_>>(),
                ),
                None => format!("{place}: its CHECK admits {names:?}, which no `choice!` of the context lists"),
            });
        }
    }
    wrong
}

fn is_own(tree: &Tree, check: &Check) -> bool {
    let created = format!("CREATE TABLE {} (", check.table);
    tree.ending(&format!("crates/{}/migrations", check.context), "sql").any(|(_, text)| text.contains(&created))
}

/// Every choice that the sources of a context declare.
pub fn choices(tree: &Tree, context: &str) -> Vec<Choice> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(&format!("crates/{context}/src"), "rs") {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let mut declared = Declared(Vec::new());
        declared.visit_file(&file);
        found.extend(declared.0.into_iter().map(|(name, names)| Choice { path: path.to_owned(), name, names }));
    }
    found
}

struct Declared(Vec<(String, BTreeSet<String>)>);

impl<'a> Visit<'a> for Declared {
    fn visit_macro(&mut self, called: &'a syn::Macro) {
        if called.path.segments.last().is_some_and(|last| last.ident == "choice") {
            self.0.extend(declared(called.tokens.clone()));
        }
    }
}

/// The enum of a `choice!`: its name and the names of its variants. `enum Estado as Published { … }` names two types.
fn declared(tokens: TokenStream) -> Option<(String, BTreeSet<String>)> {
    let mut tokens =
        tokens.into_iter().skip_while(|token| !matches!(token, TokenTree::Ident(ident) if ident == "enum"));
    let name = tokens.nth(1)?.to_string();
    tokens.find_map(|token| match token {
        TokenTree::Group(variants) if variants.delimiter() == Delimiter::Brace => {
            Some((name.clone(), variants_of(variants.stream())))
        }
        _ => None,
    })
}

/// `Creada, Cedula = "cedula",` are `Creada` and `cedula`; attributes are groups and skipped.
fn variants_of(tokens: TokenStream) -> BTreeSet<String> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let variants = tokens.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','));
    let name = |variant: &[TokenTree]| {
        let ident = variant.iter().find(|token| matches!(token, TokenTree::Ident(_)))?.to_string();
        let text = variant.iter().find(|token| matches!(token, TokenTree::Literal(_)));
        Some(text.map_or(ident, |text| text.to_string().trim_matches('"').to_owned()))
    };
    variants.filter_map(name).collect()
}

/// The texts that each column is compared with: `estado = ANY (ARRAY['a'::text, …])`, `tipo = 'a'::text` and
/// `CASE tipo WHEN 'a'::text`.
fn admitted(definition: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut admitted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut column, mut case, mut last) = ("", "", "");
    for (at, part) in definition.split('\'').enumerate() {
        if at % 2 == 1 {
            let compared = if last == "WHEN" { case } else { column };
            admitted.entry(compared.to_owned()).or_default().insert(part.to_owned());
            continue;
        }
        let is_between = |letter: char| letter.is_whitespace() || "(),".contains(letter);
        for word in part.split(is_between).filter(|word| !word.is_empty()) {
            match last {
                "CASE" => case = word,
                _ if word == "=" => column = last,
                _ => {}
            }
            last = word;
        }
    }
    admitted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::of([
            ("crates/x/migrations/1_x/up.sql", "CREATE TABLE cosas (\n    estado text\n);"),
            (
                "crates/x/src/domain/estado.rs",
                r#"
                seedwork::choice! {
                    /// Where it stands.
                    pub enum Estado as EstadoDeCosa {
                        /// Begun.
                        Abierta,
                        /// Done.
                        Cerrada = "ya cerrada",
                    }
                    pub struct EstadoInvalido: "estado-valido", "El estado no existe";
                }"#,
            ),
        ])
    }

    fn check(definition: &str) -> Check {
        Check { context: "x".into(), table: "cosas".into(), definition: definition.into() }
    }

    #[test]
    fn a_check_that_admits_the_names_of_a_choice_is_right() {
        let in_list = check("CHECK ((estado = ANY (ARRAY['Abierta'::text, 'ya cerrada'::text])))");
        let in_case = check(
            "CHECK (\nCASE estado\n    WHEN 'Abierta'::text THEN (n = 1) WHEN 'ya cerrada'::text THEN (n = 2) ELSE false END)",
        );
        let of_numbers = check("CHECK ((version > 0))");
        let of_the_engine = Check { table: "inbox".into(), ..check("CHECK ((state = 'applied'::text))") };
        assert_eq!(checks_without_choice(&tree(), &[in_list, in_case, of_numbers, of_the_engine]), [""; 0]);
    }

    #[test]
    fn a_name_that_only_one_side_knows_is_refused() {
        let old = check("CHECK ((estado = ANY (ARRAY['Abierta'::text, 'Borrada'::text])))");
        let expected = "x.cosas.estado: its CHECK refuses [\"ya cerrada\"] and admits [\"Borrada\"] beside `Estado` \
                        (crates/x/src/domain/estado.rs): a migration changes a CHECK";
        assert_eq!(checks_without_choice(&tree(), &[old]), [expected]);
        let own = check("CHECK ((color = 'rojo'::text))");
        let expected = "x.cosas.color: its CHECK admits {\"rojo\"}, which no `choice!` of the context lists";
        assert_eq!(checks_without_choice(&tree(), &[own]), [expected]);
    }
}
