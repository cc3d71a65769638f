//! The published language as the sources have it: the types with `#[event(record = "…")]`, and what they are made of.

use super::{rust::is_for_tests, tokens};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeMap;
use syn::{Attribute, Fields, Item, Type};

/// A type that stands for a record of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it is declared.
    pub path: String,
    /// The type's name.
    pub name: String,
    /// The record's full name.
    pub record: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a type, as serde writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// True if it may be missing (`Option`).
    pub optional: bool,
}

/// The types of some sources.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// Those that stand for a record with a topic.
    pub events: Vec<Event>,
    /// Every struct by its name.
    pub structs: BTreeMap<String, Vec<Field>>,
    /// The variants of every enum by its name, as serde writes them.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Every `choice!`: the name of its enum and the names of its choices.
    pub choices: Vec<(String, Vec<String>)>,
}

impl Types {
    /// Takes in the types of a source, its tests left out.
    pub fn read(&mut self, path: &str, text: &str) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        self.items(path, &file.items);
    }

    fn items(&mut self, path: &str, items: &[Item]) {
        let templates: Vec<_> = items.iter().filter_map(Template::of).collect();
        for item in items {
            match item {
                Item::Struct(item) => {
                    let (name, fields) = (item.ident.to_string(), fields(&item.fields));
                    for record in item.attrs.iter().filter_map(record) {
                        let (path, name, fields) = (path.to_owned(), name.clone(), fields.clone());
                        self.events.push(Event { path, name, record, fields });
                    }
                    self.structs.insert(name, fields);
                }
                Item::Enum(item) => {
                    let variants = item.variants.iter().map(|variant| {
                        variant.attrs.iter().find_map(renamed).unwrap_or_else(|| variant.ident.to_string())
                    });
                    self.enums.insert(item.ident.to_string(), variants.collect());
                }
                Item::Mod(item) if !is_for_tests(&item.attrs) => {
                    self.items(path, item.content.as_ref().map_or(&[], |(_, items)| items));
                }
                Item::Macro(item) => {
                    let is_choice = item.mac.path.segments.last().is_some_and(|last| last.ident == "choice");
                    self.choices.extend(choice(item.mac.tokens.clone()).filter(|_| is_choice));
                    let template = templates.iter().find(|template| item.mac.path.is_ident(&template.macro_name));
                    self.events.extend(template.into_iter().flat_map(|found| found.events(path, &item.mac.tokens)));
                }
                _ => {}
            }
        }
    }
}

/// The name and the choices of `enum Name as List { A, B = "b" }`.
fn choice(tokens: TokenStream) -> Option<(String, Vec<String>)> {
    let mut tokens = tokens.into_iter().skip_while(|token| token.to_string() != "enum").skip(1);
    let name = tokens.next()?.to_string();
    let body = tokens.find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    })?;
    let mut names: Vec<String> = Vec::new();
    for token in body {
        match token {
            TokenTree::Ident(ident) => names.push(ident.to_string()),
            TokenTree::Literal(literal) => {
                names.pop();
                names.extend(tokens::strings(TokenTree::Literal(literal).into()));
            }
            TokenTree::Group(_) | TokenTree::Punct(_) => {}
        }
    }
    Some((name, names))
}

fn record(attribute: &Attribute) -> Option<String> {
    let syn::Meta::List(list) = &attribute.meta else { return None };
    let said: Vec<_> = list.tokens.clone().into_iter().collect();
    let at = said.iter().position(|token| token.to_string() == "record")?;
    let value = said.get(at + 2).cloned().filter(|_| attribute.path().is_ident("event"))?;
    tokens::strings(value.into()).pop()
}

fn fields(fields: &Fields) -> Vec<Field> {
    fields.iter().map(field).collect()
}

fn field(field: &syn::Field) -> Field {
    let own = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = field.attrs.iter().find_map(renamed).unwrap_or_else(|| own.trim_start_matches("r#").to_owned());
    let optional = matches!(&field.ty, Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "Option"));
    Field { name, optional }
}

fn renamed(attribute: &Attribute) -> Option<String> {
    let syn::Meta::List(list) = &attribute.meta else { return None };
    let said: Vec<_> = list.tokens.clone().into_iter().collect();
    let at = said.iter().position(|token| token.to_string() == "rename").filter(|_| attribute.path().is_ident("serde"));
    tokens::strings(said.get(at? + 2)?.clone().into()).pop()
}

/// A `macro_rules!` that declares records of the same fields: `Record = "sta.…";` a line.
///
/// This is no macro expander. It takes the fields from the one struct in the macro's body, and each full name of a record
/// in a call for one more type. A field in `$(…)?` belongs to the records whose line names it: `Record = "sta.…", field;`.
struct Template {
    macro_name: String,
    fields: Vec<TemplateField>,
}

struct TemplateField {
    field: Field,
    is_in_all: bool,
}

impl Template {
    fn of(item: &Item) -> Option<Self> {
        let Item::Macro(item) = item else { return None };
        let macro_name = item.ident.as_ref()?.to_string();
        let has_event = !tokens::attributes(item.mac.tokens.clone(), "event").is_empty();
        let body = struct_body(item.mac.tokens.clone()).filter(|_| has_event)?;
        let body = TokenTree::Group(proc_macro2::Group::new(Delimiter::Brace, plain(body)));
        let named: syn::FieldsNamed = syn::parse2(body.into()).ok()?;
        let fields = named.named.iter().map(|named| TemplateField {
            field: field(named),
            is_in_all: !named.attrs.iter().any(|attribute| attribute.path().is_ident(OPTIONAL)),
        });
        Some(Self { macro_name, fields: fields.collect() })
    }

    fn events(&self, path: &str, call: &TokenStream) -> Vec<Event> {
        let call: Vec<_> = call.clone().into_iter().collect();
        let lines = call.split(|token| token.to_string() == ";");
        lines.filter_map(|line| self.event(path, line)).collect()
    }

    fn event(&self, path: &str, line: &[TokenTree]) -> Option<Event> {
        let strings = tokens::strings(line.iter().cloned().collect());
        let record = strings.into_iter().find(|text| text.starts_with("sta."))?;
        let names = |name: &str| line.iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == name));
        let name = record.rsplit('.').next().unwrap_or_default();
        let name = if names(name) { name } else { "a type of another name" }.to_owned();
        let own = self.fields.iter().filter(|field| field.is_in_all || names(&field.field.name));
        Some(Event { path: path.to_owned(), name, fields: own.map(|own| own.field.clone()).collect(), record })
    }
}

/// The attribute by which [`plain`] marks the fields of `$(…)?`.
const OPTIONAL: &str = "optional";

/// Returns the tokens between the braces of the first struct.
fn struct_body(tokens: TokenStream) -> Option<TokenStream> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let body = |after: &[TokenTree]| {
        after.iter().take(4).find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
            _ => None,
        })
    };
    tokens.iter().enumerate().find_map(|(at, token)| match token {
        TokenTree::Ident(ident) if ident == "struct" => body(&tokens[at..]),
        TokenTree::Group(group) => struct_body(group.stream()),
        _ => None,
    })
}

/// Returns the tokens without repetitions (`$(#[$doc])*`). The tokens of an option (`$(…)?`) stay, marked and without
/// their `$`.
fn plain(tokens: TokenStream) -> TokenStream {
    let (mut kept, mut tokens) = (TokenStream::new(), tokens.into_iter().peekable());
    while let Some(token) = tokens.next() {
        let group = match (token.to_string().as_str(), tokens.peek()) {
            ("$", Some(TokenTree::Group(group))) => group.stream(),
            ("$", _) => continue,
            _ => {
                kept.extend([token]);
                continue;
            }
        };
        tokens.next();
        if tokens.next().is_some_and(|repeats| repeats.to_string() == "?") {
            kept.extend(format!("#[{OPTIONAL}]").parse::<TokenStream>());
            kept.extend(plain(group));
        }
    }
    kept
}
