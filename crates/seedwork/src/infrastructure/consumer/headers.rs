//! Headers of parked messages, as JSON: a value that is not UTF-8 is stored as base64.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Header {
    Text(String),
    Bytes { base64: String },
}

/// Returns headers as a JSON array of pairs.
pub(super) fn to_json(headers: &[(String, Vec<u8>)]) -> String {
    let header = |value: &[u8]| match std::str::from_utf8(value) {
        Ok(text) => Header::Text(text.to_owned()),
        Err(_) => Header::Bytes { base64: BASE64_STANDARD.encode(value) },
    };
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name, header(value))).collect();
    // Pairs of texts always serialize.
    serde_json::to_string(&pairs).unwrap_or_default()
}

/// Parses the output of [`to_json`].
pub(super) fn from_json(text: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let pairs: Vec<(String, Header)> = serde_json::from_str(text)?;
    let bytes = |(name, value)| match value {
        Header::Text(text) => Ok((name, text.into_bytes())),
        Header::Bytes { base64 } => Ok((name, BASE64_STANDARD.decode(base64)?)),
    };
    pairs.into_iter().map(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_any_bytes_come_back_as_they_were() {
        let headers = vec![
            ("ce_id".to_owned(), b"m-1".to_vec()),
            ("ce_id".to_owned(), b"a\0\"b".to_vec()),
            ("bytes".to_owned(), vec![0xff, 0, 0xfe]),
            (String::new(), Vec::new()),
        ];
        let text = to_json(&headers);
        assert!(!text.contains('\0'), "PostgreSQL's texts have no NUL: {text}");
        assert_eq!(from_json(&text).unwrap(), headers);
    }
}
