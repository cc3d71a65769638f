//! A context subscribes to every record that it consumes: a type in `consumed.rs` without its `.on_command` or `.on_event`
//! in `module.rs` would never see a message.

use super::{INTEGRATION, assert_nothing, types_of};
use sta_tests::guard::{published::Event, tree::Tree};
use std::collections::BTreeSet;
use syn::{ExprMethodCall, GenericArgument, Type, visit::Visit};

/// The place where a context subscribes.
const MODULE: &str = "src/infrastructure/module.rs";

/// The subscriptions of a module: the method, and the name of the record's type.
#[derive(Default)]
struct Subscriptions(BTreeSet<(String, String)>);

impl Subscriptions {
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        found.visit_file(&syn::parse_file(text).expect("a module is Rust"));
        found
    }
}

impl<'ast> Visit<'ast> for Subscriptions {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let record = call.turbofish.as_ref().and_then(|turbofish| turbofish.args.first());
        if let Some(GenericArgument::Type(Type::Path(record))) = record {
            let record = record.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            self.0.insert((call.method.to_string(), record));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// Returns the method that subscribes to a record; none if the context does not consume it.
fn method(context: &str, event: &Event) -> Option<&'static str> {
    match event.record.starts_with(&format!("sta.{context}.")) {
        false => Some("on_event"),
        true => (!event.path.ends_with("/published.rs")).then_some("on_command"),
    }
}

fn missing_subscriptions(tree: &Tree) -> Vec<String> {
    let mut missing = Vec::new();
    for context in tree.contexts() {
        let module = format!("crates/{context}/{MODULE}");
        let subscriptions = tree.text(&module).map(Subscriptions::of).unwrap_or_default();
        for event in types_of(tree, &context).events {
            let Some(method) = method(&context, &event) else { continue };
            if !subscriptions.0.contains(&(method.to_owned(), event.name.clone())) {
                let name = &event.name;
                missing
                    .push(format!("{}: `{name}` is consumed: add `.{method}::<…::{name}…>()` to {module}", event.path));
            }
        }
    }
    missing
}

#[test]
fn every_consumed_record_has_a_subscription() {
    let tree = Tree::workspace();
    let contexts = tree.contexts();
    let consuming = contexts.iter().filter(|context| tree.has(&format!("crates/{context}/{INTEGRATION}/consumed.rs")));
    assert!(consuming.count() > 1, "no context consumes anything: did the layout move?");
    assert_nothing(missing_subscriptions(&tree));
}

#[test]
fn a_consumed_record_without_its_subscription_is_named() {
    const CONSUMED: &str = r#"
        #[event(record = "sta.ingesta.v1.CrearIngesta", topic = "comandos-ingesta", key = id)]
        pub struct CrearIngesta { pub id: Uuid }
        #[event(record = "sta.clientes.v1.ClienteDesactivado", topic = "eventos-cliente", key = id)]
        pub struct ClienteDesactivado { pub id: Uuid }"#;
    const PUBLISHED: &str = r#"
        #[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id)]
        pub struct IngestaCreada { pub id: Uuid }"#;
    let judged = |module: &str| {
        missing_subscriptions(&Tree::of([
            ("crates/ingesta/src/domain/mod.rs", ""),
            ("crates/ingesta/src/application/integration/consumed.rs", CONSUMED),
            ("crates/ingesta/src/application/integration/published.rs", PUBLISHED),
            ("crates/ingesta/src/infrastructure/module.rs", module),
        ]))
    };
    let module = "fn module() -> Module { Module::builder(handlers, migrations)
        .on_command::<consumed::CrearIngesta, commands::CrearIngesta>()
        .on_event::<consumed::ClienteDesactivado>().build() }";
    assert_nothing(judged(module));
    for (from, to) in [
        (".on_command::<consumed::CrearIngesta, commands::CrearIngesta>()", ""),
        (".on_event::<consumed::ClienteDesactivado>()", ""),
        ("on_event", "on_command"),
        ("consumed::CrearIngesta, commands::CrearIngesta", "consumed::ClienteDesactivado, commands::CrearIngesta"),
    ] {
        let offender = module.replace(from, to);
        assert_ne!(offender, module, "the fixture no longer has `{from}`");
        assert_eq!(judged(&offender).len(), 1, "{offender}");
    }
    assert_eq!(judged("").len(), 2);
    let folder = Tree::of([
        ("crates/ingesta/src/domain/mod.rs", ""),
        ("crates/ingesta/src/application/integration/consumed/imagenes.rs", CONSUMED),
    ]);
    assert_eq!(missing_subscriptions(&folder).len(), 2);
}
