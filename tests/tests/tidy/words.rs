//! The words that docs/style.md rules out: openings of docs, beginnings of names, and identifiers that were renamed.

use super::assert_nothing;
use sta_tests::guard::{markdown, tokens, tree::Tree};
use std::collections::BTreeSet;

/// The openings that no doc has. A doc begins with a verb in the third person or with a noun.
const OPENINGS: &[&str] = &["What", "Who", "How", "Why", "Whether"];

/// The beginnings that no function's name has; a test's name is a sentence about its subject.
const BEGINNINGS: &[&str] = &["what_", "who_", "how_", "why_", "whether_"];

/// Types, traits, constants and variants that have a name of the field now.
const OLD_TYPES: &[&str] = &[
    "Hearing",
    "Hears",
    "Heard",
    "Unheard",
    "Said",
    "Obey",
    "Hear",
    "Units",
    "PgUnits",
    "FakeUnits",
    "Drain",
    "MEMBERS",
    "Show",
    "Shown",
    "Stored",
    "Indexed",
    "Keep",
    "CommitError",
    "Asker",
    "Letter",
    "Tell",
    "Told",
    "Why",
    "Ended",
    "Somebody",
    "Entrance",
    "Exit",
    "Telling",
    "Started",
    "Instante",
    "TODOS",
    "Banco",
    "Oyente",
    "Mirones",
    "Callado",
    "Explotar",
    "Trials",
    "Trying",
    "Patience",
    "Asked",
    "Blamed",
    "Standing",
    "Extent",
];

/// Types that have a name of the field now, and mean something else outside the engine.
const OLD_ENGINE_TYPES: &[&str] = &["Home", "Place"];

/// Functions that have another name now.
const OLD_FUNCTIONS: &[&str] = &[
    "hears",
    "obeys",
    "again",
    "go_round",
    "together",
    "apart",
    "alone",
    "losers",
    "pick",
    "hold",
    "wait_for_life",
    "nuevo",
    "announce",
];

/// Modules of the engine that have another name now.
const OLD_MODULES: &[&str] = &["unheard", "hearing", "news", "rounds", "trust"];

/// Variants that are refused behind the type that they belonged to.
const OLD_VARIANTS: &[[&str; 2]] = &[
    ["Outcome", "Done"],
    ["Outcome", "Unheard"],
    ["Outcome", "Later"],
    ["Outcome", "Hopeless"],
    ["Outcome", "Failed"],
];

const ENGINE: &str = "crates/seedwork";

/// The one document that has the old names, to explain them.
const GLOSSARY: &str = "docs/glossary.md";

fn is_source(path: &str) -> bool {
    path.ends_with(".rs") || path.ends_with(".rs.jinja")
}

/// The docs of a source that open with a word of `OPENINGS`.
fn riddles(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_doc = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let doc = line.strip_prefix("//!").or_else(|| line.strip_prefix("///").filter(|rest| !rest.starts_with('/')));
        if let Some(doc) = doc.filter(|_| !in_doc) {
            let first = doc.trim_start().split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
            if OPENINGS.contains(&first) {
                found.push(format!("{path}:{}: a doc begins with a verb or a noun, not with `{first}`", at + 1));
            }
        }
        in_doc = doc.is_some();
    }
    found
}

/// The functions of a source whose names begin with a word of `BEGINNINGS`.
fn questions(path: &str, text: &str) -> Vec<String> {
    let words = words_of(path, text);
    let names = words.windows(2).filter(|pair| pair[0] == "fn").map(|pair| &pair[1]);
    let questions = names.filter(|name| BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)));
    questions.map(|name| format!("{path}: `{name}` is a question; write a sentence about the subject")).collect()
}

/// The words of a source outside its strings and comments. A template is Rust with holes, so its
/// strings count, too.
fn words_of(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = code.flat_map(|line| line.split(|letter| !is_in_name(letter)));
        return words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    }
    tokens::words(text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}")))
}

fn is_in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The old identifiers in the code of a source, in the code spans of its comments, and in the code of a document.
fn old_identifiers(path: &str, text: &str) -> Vec<String> {
    let code = if is_source(path) { in_code(path, text) } else { Vec::new() };
    let prose: String = match path.ends_with(".md") {
        true => text.to_owned(),
        false => text.lines().map(str::trim_start).filter(|line| line.starts_with("//")).collect::<Vec<_>>().join("\n"),
    };
    let spans = markdown::code(&prose);
    let words = spans.iter().flat_map(|span| span.target.split(|letter| !is_in_name(letter)));
    let types = words.filter(|word| is_old_type(path, word)).map(str::to_owned);
    let found: BTreeSet<String> = code.into_iter().chain(types).collect();
    found.into_iter().map(|name| format!("{path}: `{name}` has another name now: see {GLOSSARY}")).collect()
}

fn is_old_type(path: &str, word: &str) -> bool {
    OLD_TYPES.contains(&word) || (path.starts_with(ENGINE) && OLD_ENGINE_TYPES.contains(&word))
}

fn in_code(path: &str, text: &str) -> Vec<String> {
    let words = words_of(path, text);
    let types = words.iter().filter(|word| is_old_type(path, word)).cloned();
    let pairs = words.windows(2).filter(|pair| match pair[0].as_str() {
        "fn" => OLD_FUNCTIONS.contains(&pair[1].as_str()),
        "mod" => path.starts_with(ENGINE) && OLD_MODULES.contains(&pair[1].as_str()),
        first => OLD_VARIANTS.contains(&[first, &pair[1]]),
    });
    types.chain(pairs.map(|pair| pair.join(" "))).collect()
}

fn workspace(mut check: impl FnMut(&str, &str) -> Vec<String>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let tree = Tree::workspace();
    let files: Vec<_> = tree.under("").filter(|(path, _)| wanted(path)).collect();
    assert!(files.len() > 100, "the sources were not found");
    files.into_iter().flat_map(|(path, text)| check(path, text)).collect()
}

#[test]
fn docs_begin_with_a_verb_or_a_noun() {
    assert_nothing(workspace(riddles, is_source));
}

#[test]
fn names_of_functions_are_no_questions() {
    assert_nothing(workspace(questions, is_source));
}

#[test]
fn identifiers_that_were_renamed_are_gone() {
    assert_nothing(workspace(old_identifiers, |path| is_source(path) || (path.ends_with(".md") && path != GLOSSARY)));
}

#[test]
fn the_glossary_has_every_identifier_that_was_renamed() {
    let tree = Tree::workspace();
    let explained: Vec<_> = markdown::code(tree.text(GLOSSARY).unwrap_or_default());
    let explained: Vec<_> = explained.iter().flat_map(|code| code.target.split(|letter| !is_in_name(letter))).collect();
    let all = [OLD_TYPES, OLD_ENGINE_TYPES, OLD_FUNCTIONS, OLD_MODULES].concat();
    let missing = all.into_iter().filter(|name| !explained.contains(name));
    assert_nothing(missing.map(|name| format!("{GLOSSARY} does not have the old name `{name}`")));
}

#[test]
fn a_doc_that_opens_with_a_question_is_caught() {
    assert_eq!(riddles("x.rs", "//! What lives here.\n//! Why not.").len(), 1);
    assert_eq!(riddles("x.rs", "struct A {\n    /// Whether it runs.\n    b: bool,\n}").len(), 1);
    assert_eq!(riddles("x.rs", "/// Runs.\n///\n/// How it runs: fast.\nfn a() {}\n// What a comment.").len(), 0);
    assert_eq!(riddles("x.rs", "//! However it is.\n//////\n//// What a rule.").len(), 0);
}

#[test]
fn a_name_that_is_a_question_is_caught() {
    assert_eq!(questions("x.rs", "#[test]\nfn what_fails_is_parked() {}\nasync fn who_asks() {}").len(), 2);
    assert_eq!(questions("x.rs", "fn somewhat_late() {}\nfn however() {}").len(), 0);
}

#[test]
fn an_old_identifier_is_caught_in_code_comments_and_documents() {
    let found = |path: &str, text: &str| old_identifiers(path, text).len();
    for offender in ["struct Hearing;", "fn f() { m!(Telling) }", "use a::Drain;", "fn hears() {}"] {
        assert_eq!(found("x.rs", offender), 1, "{offender}");
    }
    assert_eq!(found("x.rs", "fn f() { let x = Outcome::Later; }"), 1);
    assert_eq!(found("x.rs", "// The type `Hearing` is gone.\n/// Not [`Units`].\nfn f() {}"), 2);
    assert_eq!(found("x.md", "A `Heard` message"), 1);
    assert_eq!(found("x.rs.jinja", "impl Stored for {{ agregado }} {}"), 1);
    assert_eq!(found("x.rs", "// Hearing is prose.\nfn begin() { again(\"Hearing\"); tx.put(post, alone); }"), 0);
    assert_eq!(found("x.md", "Keep a Changelog"), 0);
    assert_eq!(found("crates/seedwork/src/x.rs", "mod rounds;\nstruct Place;"), 2);
    assert_eq!(found("tests/src/x.rs", "mod rounds;\nstruct Place;"), 0);
}
