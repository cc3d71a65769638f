//! Each check of tidiness is shown an offender, and what it must let pass.

use super::*;

#[test]
fn a_source_without_a_word_or_too_long_is_caught() {
    assert!(lacks_module_doc("x.rs", "use std::fmt;\n//! late").is_some());
    assert!(lacks_module_doc("x.rs", "//! Why.").is_none());
    assert!(lacks_module_doc("crates/x/tests/ui/a.rs", "fn main() {}").is_none());
    assert!(is_short("x.rs", &"\n".repeat(MOST_LINES + 1)).is_some());
    assert!(is_short("x.rs", &"\n".repeat(MOST_LINES)).is_none());
}

#[test]
fn an_allowed_lint_is_caught_wherever_it_hides() {
    let caught = |text| lints_are_expected_with_a_reason("x.rs", text).len();
    assert_eq!(caught("#[allow(dead_code)] fn f() {}"), 1);
    assert_eq!(caught("#![allow(dead_code)]"), 1);
    assert_eq!(caught("macro_rules! m { () => { #[allow(dead_code)] fn f() {} } }"), 1);
    assert_eq!(caught("#[cfg_attr(test, allow(dead_code))] fn f() {}"), 1);
    assert_eq!(caught("#[expect(dead_code)] fn f() {}"), 1);
    assert_eq!(caught("#[expect(dead_code, reason = \"soon\")] fn f() { g(\"#[allow(x)]\"); vec![allow(1)]; }"), 0);
}

#[test]
fn a_missing_accent_is_caught_in_a_sentence_and_not_in_a_name_of_the_contract() {
    let caught = |text: &str| texts_without_accents("crates/x/src/a.rs", text).len();
    assert_eq!(caught("#[error(\"La peticion no es valida\")] struct A;"), 1);
    assert_eq!(caught("m! { pub struct A: \"codigo-iata\", \"El codigo debe ser corto\"; }"), 1);
    assert_eq!(caught("const A: &str = \"La version es otra\"; const B: &str = \"the version is another one\";"), 1);
    assert_eq!(caught("const A: &str = \"numero\"; const B: &str = \"El tipo debe ser «cedula»; `numero` falta\";"), 0);
    assert_eq!(caught("/// La cedula es un numero.\nfn f() {} mod tests { const A: &str = \"y mas\"; }"), 0);
    assert_eq!(spanish::english("El campo with the name"), ["with", "the"]);
}

#[test]
fn code_in_a_table_of_contents_is_caught() {
    let caught = |path: &str, text| is_a_table_of_contents(&format!("crates/ingesta/src/{path}"), text).is_some();
    assert!(caught("application/mod.rs", "mod a; fn f() {}"));
    assert!(caught("domain/mod.rs", "mod a { pub struct B; }"));
    assert!(!caught("application/mod.rs", "//! Why.\nmod a;\npub use a::A;\n#[cfg(test)]\nmod b;"));
    assert!(!caught("domain/ingesta/mod.rs", "mod a; pub struct Ingesta;"));
    assert!(!caught("application/commands/crear.rs", "pub struct Crear;"));
}

#[test]
fn a_forgotten_test_is_caught() {
    let tree = Tree::of([
        ("x/Cargo.toml", "[[test]]\nname = \"listed\"\npath = \"tests/deep/down/listed.rs\""),
        ("x/tests/plain.rs", "mod helpers; #[path = \"plain/more.rs\"] mod more;"),
        ("x/tests/helpers/mod.rs", "mod inner;"),
        ("x/tests/helpers/inner.rs", ""),
        ("x/tests/plain/more.rs", ""),
        ("x/tests/it/main.rs", "mod a;"),
        ("x/tests/it/a.rs", "mod b;"),
        ("x/tests/it/a/b.rs", ""),
        ("x/tests/it/forgotten.rs", "#[test] fn t() {}"),
        ("x/tests/deep/down/listed.rs", ""),
        ("x/tests/ui/fails.rs", ""),
    ]);
    let forgotten = forgotten_tests(&tree, "x");
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert!(forgotten[0].starts_with("x/tests/it/forgotten.rs"));
}

#[test]
fn a_dead_link_is_caught() {
    let links = "[a](b.md) [b](b.md#there) [c](../README.md) [d](adr/) [e](#here) [f](https://example.org/x)\n# Here\n";
    let others = [("docs/b.md", "## There"), ("README.md", ""), ("docs/adr/x.md", "")];
    let tree = |text| Tree::of([("docs/a.md", text), others[0], others[1], others[2]]);
    assert_eq!(dead_links(&tree(links)), Vec::<String>::new());
    for offender in ["[a](c.md)", "[a](b.md#nowhere)", "[a](#nowhere)", "[a](../../b.md)", "[a]: c.md", "![a](b.png)"] {
        assert_eq!(dead_links(&tree(offender)).len(), 1, "{offender}");
    }
}

#[test]
fn an_untidy_decision_is_caught() {
    let wrong = |name: &str, text: &str, index: &str| {
        let path = format!("docs/adr/{name}");
        let first = ("docs/adr/0001-a.md", "# 0001. A");
        untidy_decisions(&Tree::of([first, (&path, text), ("docs/adr/README.md", index), ("docs/adr/template.md", "")]))
    };
    let index = "[1](0001-a.md) [2](0002-b.md) [3](0003-b.md) [1](0001-b.md)";
    assert_eq!(wrong("0002-b.md", "# 0002. B", index), Vec::<String>::new());
    assert_eq!(wrong("0003-b.md", "# 0003. B", index).len(), 1);
    assert_eq!(wrong("0001-b.md", "# 0001. B", index).len(), 1);
    assert_eq!(wrong("0002-b.md", "# 0003. B", index).len(), 1);
    assert_eq!(wrong("0002-b.md", "# 0002. B", "[1](0001-a.md)").len(), 1);
}

#[test]
fn a_just_command_that_does_not_exist_is_caught() {
    let justfile = "set shell := ['sh']\nname := 'x'\n# comment: here\nrun:\n\tcargo run\ntest-fast ctx: run\n";
    let missing = |text| missing_just_commands(&Tree::of([("justfile", justfile), ("README.md", text)])).len();
    assert_eq!(
        missing("`just run`, `just test-fast ingesta`; just believe it.\n```sh\n$ just run && just run\n```"),
        0
    );
    assert_eq!(missing("`just --list`"), 0);
    assert_eq!(missing("`just fly`"), 1);
    assert_eq!(missing("```sh\ncd x && just name\n```"), 1);
}

#[test]
fn a_promise_without_a_test_is_caught() {
    let wrong = |row: &str| {
        let document = format!("| fact | test |\n|---|---|\n{row}\n\nProse with `code`.\n");
        let test = "#[test]\nfn a_claim_is_kept() {}";
        unproved_rows(&Tree::of([("docs/delivery.md", &document), ("tests/it.rs", test)])).len()
    };
    assert_eq!(wrong("| `inbox` | `a_claim_is_kept` |"), 0);
    assert_eq!(wrong("| `inbox` | `a_claim_is_lost` |"), 1);
    assert_eq!(wrong("| `inbox` | `a_claim_is_kept`, `a_claim_is_lost` |"), 1);
    assert_eq!(wrong("| `inbox` | review |"), 1);
}

#[test]
fn a_setting_on_one_side_only_is_caught() {
    let differ = |settings, example| {
        let tree = Tree::of([("crates/x/src/settings.rs", settings), (".env.example", example)]);
        settings_that_differ(&read_settings(&tree), &documented_settings(&tree)).len()
    };
    let settings =
        "/// `STA_DOC` is prose.\nfn f() { read(\"STA_A\"); m!(\"DATABASE_URL\"); read(\"PATH\"); read(\"STA_A is\") }
        #[cfg(test)] mod tests { fn t() { read(\"STA_TEST\") } }";
    assert_eq!(differ(settings, "# What it is.\n# STA_A=1\nDATABASE_URL=\n"), 0);
    assert_eq!(differ(settings, "# STA_A=1\n"), 1);
    assert_eq!(differ(settings, "# STA_A=1\n# DATABASE_URL=x\n# STA_B=2\n"), 1);
}
