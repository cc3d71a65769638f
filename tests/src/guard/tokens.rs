//! Looking at the tokens of a file: macro bodies and attributes, where the syntax tree ends.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

/// A path that stands in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPath {
    /// `["seedwork", "domain", "Id"]`; `$crate` is `crate`, a glob ends with `*`.
    pub segments: Vec<String>,
    /// True if it begins with `::`.
    pub global: bool,
    /// The line it begins in.
    pub line: usize,
}

/// Every path of two or more segments in the tokens, groups such as `a::{b, c::d}` taken apart.
pub fn paths(tokens: TokenStream) -> Vec<TokenPath> {
    let mut found = Vec::new();
    walk(&tokens.into_iter().collect::<Vec<_>>(), &mut found);
    found
}

fn walk(tokens: &[TokenTree], found: &mut Vec<TokenPath>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                walk(&group.stream().into_iter().collect::<Vec<_>>(), found);
                at += 1;
            }
            TokenTree::Ident(ident) => {
                let global = colons_end_at(tokens, at) && !is_continued(tokens, at - 2);
                // `<T>::name` and `$name::more` begin with something that no rule can know.
                let known = global || !colons_end_at(tokens, at);
                let known = known && (!is_metavariable(tokens, at) || ident == "crate");
                let mut path = TokenPath { segments: vec![name(ident)], global, line: ident.span().start().line };
                at = follow(tokens, at + 1, &mut path, known, found);
                if known && path.segments.len() + usize::from(global) > 1 {
                    found.push(path);
                }
            }
            _ => at += 1,
        }
    }
}

/// Collects the further segments of a path. Returns its end.
fn follow(tokens: &[TokenTree], mut at: usize, path: &mut TokenPath, known: bool, found: &mut Vec<TokenPath>) -> usize {
    while colons_begin_at(tokens, at) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(ident)) => path.segments.push(name(ident)),
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => path.segments.push("*".to_owned()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                if known {
                    branches(&group.stream().into_iter().collect::<Vec<_>>(), path, found);
                }
                return at + 3;
            }
            _ => return at + 2,
        }
        at += 3;
    }
    at
}

/// The branches of `prefix::{…}`.
fn branches(tokens: &[TokenTree], prefix: &TokenPath, found: &mut Vec<TokenPath>) {
    for branch in tokens.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')) {
        let mut path = prefix.clone();
        match branch.first() {
            Some(TokenTree::Ident(ident)) if ident == "self" => {}
            Some(TokenTree::Ident(ident)) => path.segments.push(name(ident)),
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => path.segments.push("*".to_owned()),
            _ => continue,
        }
        follow(branch, 1, &mut path, true, found);
        found.push(path);
    }
}

fn name(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

fn is_colon(token: Option<&TokenTree>, spacing: Option<Spacing>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct))
        if punct.as_char() == ':' && spacing.is_none_or(|spacing| punct.spacing() == spacing))
}

fn colons_begin_at(tokens: &[TokenTree], at: usize) -> bool {
    is_colon(tokens.get(at), Some(Spacing::Joint)) && is_colon(tokens.get(at + 1), None)
}

fn colons_end_at(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && colons_begin_at(tokens, at - 2)
}

/// Returns true if the tokens before the `::` at `at` belong to the path.
fn is_continued(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        Some(TokenTree::Punct(punct)) => punct.as_char() == '>',
        Some(TokenTree::Ident(ident)) => !["use", "impl", "for", "as", "dyn", "in", "return"].contains(&&*name(ident)),
        Some(TokenTree::Group(group)) => group.delimiter() != Delimiter::Bracket,
        _ => false,
    }
}

fn is_metavariable(tokens: &[TokenTree], at: usize) -> bool {
    matches!(at.checked_sub(1).map(|before| &tokens[before]), Some(TokenTree::Punct(punct)) if punct.as_char() == '$')
}

/// Every attribute `name` in the tokens, macro bodies and `cfg_attr` included: its line and its tokens.
pub fn attributes(tokens: TokenStream, name: &str) -> Vec<(usize, TokenStream)> {
    let (mut found, tokens) = (Vec::new(), tokens.into_iter().collect::<Vec<_>>());
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let back = |steps| at.checked_sub(steps).map(|before| tokens[before].to_string()).unwrap_or_default();
        let after_hash = back(1) == "#" || (back(1) == "!" && back(2) == "#");
        let is_attribute = group.delimiter() == Delimiter::Bracket && after_hash;
        let inside: Vec<_> = group.stream().into_iter().collect();
        let starts = |token: &TokenTree, with: &str| matches!(token, TokenTree::Ident(ident) if ident == with);
        let first = inside.first();
        if is_attribute && first.is_some_and(|first| starts(first, name)) {
            found.push((group.span_open().start().line, group.stream()));
        } else if is_attribute && first.is_some_and(|first| starts(first, "cfg_attr")) {
            for pair in inside.iter().flat_map(cfg_attr).collect::<Vec<_>>().windows(2) {
                if let [head, TokenTree::Group(list)] = pair
                    && starts(head, name)
                {
                    found.push((head.span().start().line, list.stream()));
                }
            }
        } else {
            found.extend(attributes(group.stream(), name));
        }
    }
    found
}

/// The tokens in the brackets of `cfg_attr(…)`.
fn cfg_attr(token: &TokenTree) -> Vec<TokenTree> {
    if let TokenTree::Group(group) = token { group.stream().into_iter().collect() } else { Vec::new() }
}

/// The values of the string literals in the tokens, at any depth.
pub fn strings(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(strings(group.stream())),
            TokenTree::Literal(literal) => {
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    found.push(text.value());
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns every word in the tokens, at any depth and in order: identifiers and keywords.
pub fn words(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(words(group.stream())),
            TokenTree::Ident(ident) => found.push(name(&ident)),
            _ => {}
        }
    }
    found
}
