//! Choices in bodies, parameters and the OpenAPI document.

use super::parse_errors::rule_error;
use crate::{
    application::Named,
    domain::{BrokenRule, Choice},
    infrastructure::client_texts,
};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Any other text is malformed (400), with the name of the choice's rule.
impl<'de, C: Choice> Deserialize<'de> for Named<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|broken: C::Err| rule_error(broken.rule(), &broken))
    }
}

impl<C: Choice> PartialSchema for Named<C> {
    fn schema() -> RefOr<Schema> {
        let names = C::ALL.iter().map(|choice| choice.as_str());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        schema.description(Some(client_texts::CHOICE)).into()
    }
}

impl<C: Choice> ToSchema for Named<C> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(C::NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::{from_value, json, to_value};

    crate::choice! {
        enum State as StateOfThing {
            Open,
            Closed = "closed",
        }
        struct NoState: "known-state", "not a state";
    }

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Thing {
        state: Named<State>,
        before: Option<Named<State>>,
    }

    #[test]
    fn a_choice_is_written_and_read_by_its_name_also_when_it_is_optional() {
        for (thing, json) in [
            (Thing { state: State::Open.into(), before: None }, json!({"state": "Open", "before": null})),
            (
                Thing { state: Named(State::Closed), before: Some(Named(State::Open)) },
                json!({"state": "closed", "before": "Open"}),
            ),
        ] {
            assert_eq!(to_value(&thing).unwrap(), json);
            assert_eq!(from_value::<Thing>(json).unwrap(), thing);
        }
        assert_eq!(from_value::<Thing>(json!({"state": "Open"})).unwrap().before, None);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_rule_of_the_choice() {
        let refused = from_value::<Named<State>>(json!("Closed")).unwrap_err();
        assert!(refused.to_string().contains("known-state"), "{refused}");
    }

    #[test]
    fn the_document_lists_every_name() {
        let schema = to_value(<Named<State> as PartialSchema>::schema()).unwrap();
        assert_eq!(schema, json!({"type": "string", "description": client_texts::CHOICE, "enum": ["Open", "closed"]}));
        assert_eq!(<Named<State> as ToSchema>::name(), "StateOfThing");
    }
}
