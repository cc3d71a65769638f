//! Each rule of the architecture is shown offenders, and code that it must let pass.

use super::*;

/// The offences of a source at `path` in the crate `ingesta`.
fn judged(path: &str, text: &str, rule: impl Fn(&Named) -> Option<String>) -> Vec<String> {
    let path = format!("crates/ingesta/src/{path}");
    let manifest = "[dependencies]\nseedwork.workspace = true\nserde = 1\ndiesel = 1\nchrono = 1\nvuelos = 1\ntokio = 1\nutoipa = 1";
    let tree = Tree::of([("crates/ingesta/Cargo.toml", manifest), (&path, text)]);
    names_in(&tree, "ingesta").iter().filter_map(rule).collect()
}

#[track_caller]
fn catches(path: &str, text: &str, rule: impl Fn(&Named) -> Option<String>) {
    assert!(!judged(path, text, rule).is_empty(), "passed, but should not: {path}: {text}");
}

#[track_caller]
fn passes(path: &str, text: &str, rule: impl Fn(&Named) -> Option<String>) {
    assert_nothing(judged(path, text, rule));
}

#[test]
fn the_layers_catch_an_outward_path() {
    for offender in [
        "use crate::infrastructure::Tabla;",
        "use crate::{application::Bus};",
        "use super::super::{application::Bus};",
        "use super::super::*;",
        "pub(crate) use crate::*;",
        "use crate as c; fn f() { c::infrastructure::f() }",
        "use seedwork::application::Command;",
        "use seedwork as s; fn f() { s::infrastructure::f() }",
        "use serde::Serialize;",
        "#[derive(serde::Serialize)] struct A;",
        "#[cfg_attr(unix, derive(diesel::Queryable))] struct A;",
        "extern crate diesel as d;",
        "use ::diesel;",
        "fn f() { diesel::sql_query(\"\"); }",
        "fn f() -> <u8 as diesel::Queryable>::Row {}",
        "fn f() { format!(\"{}\", diesel::sql_query(1)) }",
        "macro_rules! m { () => { use crate::{domain::A, infrastructure::{B}}; } }",
        "macro_rules! m { ($a:ty) => { ::diesel::select($a) } }",
        "macro_rules! m { () => { $crate::infrastructure::f() } }",
        "use tokio::sync::Mutex;",
        "#[cfg(not(test))] use tokio::sync::Mutex;",
        "include!(\"../../infrastructure/tables.rs\");",
        "#[path = \"../infrastructure/tables.rs\"] mod tables;",
    ] {
        catches("domain/x.rs", offender, looks_outwards);
    }
    for offender in [
        "type A = super::super::super::infrastructure::Tabla;",
        "use seedwork::infrastructure::postgres::Row;",
        "use seedwork::{application::Command, infrastructure::http::Problem};",
        "use diesel::prelude::*;",
        "use seedwork::application::UnitOfWorkFactory;",
        "use seedwork::application as a; fn f<U: a::RecordedEvents<u8>>() {}",
        "use seedwork::testing::World;",
        "#[cfg(test)] mod tests { use crate::infrastructure::Tabla; }",
        "#[derive(utoipa::ToSchema)] struct A;",
        "#[cfg_attr(unix, derive(utoipa::ToSchema))] struct A;",
        "#[cfg_attr(feature = \"infrastructure\", derive(diesel::Queryable))] struct A;",
        "#[cfg_attr(feature = \"infrastructure\", derive(utoipa::ToSchema))] struct A; use utoipa::ToSchema;",
    ] {
        catches("application/commands/x.rs", offender, looks_outwards);
    }
}

#[test]
fn the_layers_let_an_inward_path_pass() {
    passes(
        "domain/ingesta/mod.rs",
        "mod values; pub use values::Url; use super::otro::Otro; use std::fmt; use chrono::{DateTime, Utc};
         seedwork::id! { pub struct IngestaId; } use Estado::*; #[derive(Debug, thiserror::Error)] #[error(\"{0}\")]
         enum Estado { A(u8) } fn f<T: Iterator>(url: T) -> T::Item { let _ = (u8::MAX, Vec::<T>::new(), values::f()); }
         #[cfg(test)] mod tests { use super::*; use seedwork::testing::World; #[tokio::test] async fn t() {} }",
        looks_outwards,
    );
    passes(
        "application/x.rs",
        "use crate::domain::ingesta::Ingesta; use seedwork::application::{Save, UnitOfWork}; use serde::Serialize;
         fn f() { tracing::info!(a = 1, \"b\"); } #[tokio::test] async fn t() { tokio::task::yield_now().await; }
         macro_rules! m { ($a:ident) => { $a::diesel::b(); <u8>::diesel::c() } }",
        looks_outwards,
    );
    passes(
        "application/queries/x.rs",
        "#[cfg_attr(feature = \"infrastructure\", derive(utoipa::ToSchema), schema(as = A))] struct A {
         #[cfg_attr(feature = \"infrastructure\", schema(required))] a: Option<u8> }",
        looks_outwards,
    );
    passes("infrastructure/x.rs", "use crate::{application::A, domain::B}; use diesel::prelude::*;", looks_outwards);
    let tree = Tree::of([
        ("crates/ingesta/Cargo.toml", ""),
        ("crates/ingesta/src/application/mod.rs", "#[cfg(test)] mod fake;"),
        ("crates/ingesta/src/application/fake.rs", "use seedwork::testing::FakeUnitOfWork;"),
    ]);
    assert_nothing(names_in(&tree, "ingesta").iter().filter_map(looks_outwards));
}

#[test]
fn contexts_catch_each_other() {
    let contexts = ["ingesta".to_owned(), "vuelos".to_owned()];
    let rule = |name: &Named| names_a_context(name, "ingesta", &contexts);
    catches("infrastructure/x.rs", "use vuelos::domain::Reserva;", rule);
    catches("lib.rs", "fn f() { m!(vuelos::domain::Reserva) }", rule);
    passes("domain/mod.rs", "mod vuelos; use vuelos::Vuelo; fn f() { ingesta::f() }", rule);
}

#[test]
fn the_places_catch_what_is_elsewhere() {
    let environment = |name: &Named| out_of_place(name, &ENVIRONMENT);
    for offender in [
        "fn f() { std::env::var(\"A\"); }",
        "use std::env; fn f() { env::var_os(\"A\"); }",
        "use std::env as e; fn f() { g!(e::vars()) }",
        "use std::env::var;",
    ] {
        catches("infrastructure/x.rs", offender, environment);
        passes("infrastructure/settings.rs", offender, environment);
        passes("x.rs", &format!("#[cfg(test)] mod tests {{ {offender} }}"), environment);
    }
    passes("x.rs", "fn f() { std::env::args(); }", environment);

    let tasks = |name: &Named| out_of_place(name, &TASKS);
    for offender in [
        "fn f() { tokio::spawn(g()); }",
        "use tokio::task; fn f() { task::spawn_local(g()); }",
        "use tokio::task::{self, JoinSet};",
        "use tokio::{spawn as go};",
    ] {
        catches("infrastructure/x.rs", offender, tasks);
        passes("infrastructure/supervise/mod.rs", offender, tasks);
    }
    passes("x.rs", "fn f(s: Supervisor) { s.spawn(g()); tokio::task::spawn_blocking(h); }", tasks);

    let writes = |name: &Named| out_of_place(name, &WRITES);
    catches(
        "infrastructure/queries/x.rs",
        "use diesel::prelude::*; fn f() { diesel::insert_into(t).values(v); }",
        writes,
    );
    catches("infrastructure/queries/x.rs", "use diesel::{dsl::sql_query};", writes);
    passes("infrastructure/queries/x.rs", "fn f() { ingestas::table.filter(diesel::dsl::now.eq(a)).load(c); }", writes);
}

#[test]
fn a_query_without_its_answer_and_an_answer_elsewhere_are_noticed() {
    let question = ("crates/ingesta/src/application/queries/por_id.rs", "impl Query for PorId {}");
    let answer = "impl QueryHandler<PorId> for PgReads {}";
    let judged = |at: &str| unpaired_queries(&Tree::of([question, (at, answer)]), "ingesta");
    assert_nothing(judged("crates/ingesta/src/infrastructure/queries/por_id.rs"));
    assert_eq!(judged("crates/ingesta/src/infrastructure/queries/todas.rs").len(), 2);
    assert_eq!(judged("crates/ingesta/src/infrastructure/reads.rs").len(), 2);
    assert_eq!(unpaired_queries(&Tree::of([("crates/ingesta/src/lib.rs", "")]), "ingesta").len(), 1);
}

#[test]
fn circles_between_siblings_are_caught_also_through_re_exports() {
    let found = |one: &str, two: &str, three: &str| {
        let tree = Tree::of([
            ("crates/seedwork/Cargo.toml", ""),
            ("crates/seedwork/src/lib.rs", "pub mod one; pub mod two; pub mod three;"),
            ("crates/seedwork/src/one/mod.rs", "mod inner; pub use inner::One; pub struct Settings;"),
            ("crates/seedwork/src/one/inner.rs", one),
            ("crates/seedwork/src/two.rs", two),
            ("crates/seedwork/src/three.rs", three),
        ]);
        circles(&files_of(&tree, "seedwork"), &names_in(&tree, "seedwork")).len()
    };
    assert_eq!(found("use crate::two::Two;", "use crate::one::One;", ""), 2);
    assert_eq!(found("use crate::{two::Two};", "fn f() { crate::three::f() }", "use super::one::Settings;"), 3);
    assert_eq!(found("use crate::two::Two; use super::Settings;", "use crate::three::Three;", ""), 0);
    assert_eq!(found("use crate::two::Two;", "#[cfg(test)] mod tests { use crate::one::One; }", ""), 0);
}

#[test]
fn a_moved_layer_or_an_unknown_crate_is_noticed() {
    let tree = Tree::of([
        ("crates/nuevo/src/lib.rs", "//! Still empty."),
        ("crates/otro/src/lib.rs", "pub mod dominio;"),
        ("crates/vuelos/src/lib.rs", "pub mod domain;"),
        ("crates/vuelos/src/domain/mod.rs", "use std::fmt;"),
        ("crates/vuelos/Cargo.toml", ""),
    ]);
    assert_eq!(unplaced_crates(&tree).len(), 1);
    assert!(unplaced_crates(&tree)[0].contains("crates/otro"));
    assert_eq!(unseen_layers(&tree, "vuelos", &names_in(&tree, "vuelos")).len(), 2);
}

#[test]
fn the_manifests_rules_catch_an_offender() {
    let members = ["ingesta", "local-postgres", "seedwork", "vuelos"].map(str::to_owned).into();
    let edges = |krate, text| edges_outwards(krate, &Manifest::parse(text), &members).len();
    assert_eq!(edges("ingesta", "[dependencies]\nvuelos.workspace = true"), 1);
    assert_eq!(edges("ingesta", "[dev-dependencies]\nvuelos = { workspace = true }"), 1);
    assert_eq!(edges("ingesta", "[dependencies.vuelos]\nworkspace = true"), 1);
    assert_eq!(edges("seedwork", "[dependencies]\ningesta.workspace = true"), 1);
    assert_eq!(
        edges("ingesta", "[dependencies]\nseedwork.workspace = true\n[dev-dependencies]\nlocal-postgres = 1"),
        0
    );

    let eager = |text| eager_adapters("ingesta", &Manifest::parse(text)).len();
    assert_eq!(eager("[dependencies]\ndiesel.workspace = true\n[features]\ninfrastructure = [\"dep:diesel\"]"), 1);
    assert_eq!(eager("[dependencies]\ndiesel = { workspace = true, optional = true }\n[features]\ndefault = []"), 1);
    let behind = "[features]\ninfrastructure = [ # the adapters\n  \"dep:diesel\",\n]\n";
    assert_eq!(
        eager(&format!("{behind}[dependencies]\ndiesel = {{ workspace = true, optional = true }}\nuuid = 1")),
        0
    );

    let stray = |text| stray_versions("x", &Manifest::parse(text)).len();
    assert_eq!(stray("[dependencies]\nserde = \"1\""), 1);
    assert_eq!(stray("[dev-dependencies]\nserde = { version = \"1\", features = [\"derive\"] }"), 1);
    assert_eq!(stray("[target.'cfg(unix)'.dependencies]\nlibc = { path = \"x\" }"), 1);
    assert_eq!(stray("[dependencies]\nserde.workspace = true # ours\nsyn = { workspace = true, optional = true }"), 0);

    let lints = |text| missing_lints("x", &Manifest::parse(text)).is_some();
    assert!(lints("[package]\nname = \"x\"") && lints("[lints]\nworkspace = false"));
    assert!(!lints("[lints]\nworkspace = true"));
}
