//! The environment variables that are settings of this program. All others are ignored.

use std::ffi::OsString;

/// The prefixes of settings.
const PREFIXES: [&str; 3] = ["STA_", "KAFKA_", "SCHEMA_REGISTRY_"];
/// The settings without such a prefix.
const OTHERS: [&str; 2] = ["DATABASE_URL", "RUST_LOG"];

/// Returns the variables of this program, and an error for each one that is not UTF-8.
pub(super) fn ours(variables: impl IntoIterator<Item = (OsString, OsString)>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut ours, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let (name, text) = (name.to_string_lossy().into_owned(), value.to_string_lossy());
        if !is_ours(&name) || is_service_link(&name, &text) {
            continue;
        }
        match value.into_string() {
            Ok(value) => ours.push((name, value)),
            Err(_) => mistakes.push(format!("{name} must be UTF-8")),
        }
    }
    (ours, mistakes)
}

fn is_ours(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || OTHERS.contains(&name)
}

/// Returns true if a variable is a Kubernetes service link. Kubernetes sets them in every container for each service,
/// here for one named `sta…`, `kafka…` or `schema-registry…`: `…_SERVICE_HOST`, `…_SERVICE_PORT`,
/// `…_SERVICE_PORT_<name>`, `…_PORT` with the address, and `…_PORT_<n>_<protocol>` with `_PROTO`, `_PORT` and `_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = name.ends_with("_PORT") && value.contains("://");
    is_port || name.ends_with("_SERVICE_HOST") || has_service_port(name) || has_numbered_port(name)
}

fn has_service_port(name: &str) -> bool {
    name.split_once("_SERVICE_PORT").is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('_'))
}

fn has_numbered_port(name: &str) -> bool {
    name.match_indices("_PORT_").any(|(place, separator)| {
        let mut parts = name[place + separator.len()..].splitn(3, '_');
        let (number, protocol, detail) = (parts.next(), parts.next(), parts.next());
        number.is_some_and(|number| number.parse::<u16>().is_ok())
            && matches!(protocol, Some("TCP" | "UDP" | "SCTP"))
            && matches!(detail, None | Some("PROTO" | "PORT" | "ADDR"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn names(variables: &[(&str, &str)]) -> Vec<String> {
        let (ours, mistakes) = ours(variables.iter().map(|(name, value)| (name.into(), value.into())));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        ours.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_service_links_of_kubernetes_are_ignored() {
        let links = [
            ("STA_API_SERVICE_HOST", "10.0.0.1"),
            ("STA_API_SERVICE_PORT", "5000"),
            ("STA_API_SERVICE_PORT_HTTP", "5000"),
            ("STA_API_PORT", "tcp://10.0.0.1:5000"),
            ("STA_PORT", "udp://10.0.0.1:5000"),
            ("KAFKA_PORT_9092_TCP", "tcp://10.0.0.2:9092"),
            ("KAFKA_PORT_9092_TCP_PROTO", "tcp"),
            ("KAFKA_PORT_9092_TCP_PORT", "9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.2"),
            ("KAFKA_UI_PORT_80_SCTP", "sctp://10.0.0.2:80"),
            ("SCHEMA_REGISTRY_SERVICE_HOST", "10.0.0.3"),
            ("SCHEMA_REGISTRY_PORT", "tcp://10.0.0.3:8081"),
        ];
        assert_eq!(names(&links), [""; 0]);
    }

    #[test]
    fn a_name_that_only_resembles_a_service_link_is_a_setting() {
        let settings = [
            ("STA_PORT", "5000"),
            ("STA_API_PORT", ""),
            ("STA_SERVICE_HOSTS", "10.0.0.1"),
            ("STA_SERVICE_PORTS", "1,2"),
            ("KAFKA_PORT_9092", "tcp://10.0.0.2:9092"),
            ("KAFKA_PORT_9092_HTTP", "tcp"),
            ("KAFKA_PORT_9092_TCP_NAME", "tcp"),
            ("KAFKA_PORT_MANY_TCP", "tcp"),
        ];
        assert_eq!(names(&settings), settings.map(|(name, _)| name));
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_a_mistake_when_it_is_ours_and_nothing_when_it_is_not() {
        let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
        let (ours, mistakes) = ours([
            (bytes(b"STA_DATA_DIR"), bytes(b"/data/\xff")),
            (bytes(b"STA_\xff"), bytes(b"1")),
            (bytes(b"LESS_TERMCAP_\xff"), bytes(b"\xff")),
            (bytes(b"STA_API_SERVICE_PORT_\xff"), bytes(b"\xff")),
        ]);
        assert_eq!(ours, [("STA_\u{fffd}".to_owned(), "1".to_owned())]);
        assert_eq!(mistakes, ["STA_DATA_DIR must be UTF-8"]);
    }
}
