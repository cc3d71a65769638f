//! Fields that are texts with a form: an instant, a date.

use super::{parse_errors::rule_error, texts};
use crate::domain::{Timestamp, to_micros};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Reads a field that is an instant of RFC 3339, [cut to microseconds](to_micros):
/// `#[serde(deserialize_with = "instant")]`.
///
/// # Errors
///
/// It has another form, or its year in UTC is not within 0 to 9999.
pub fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let instant = DateTime::parse_from_rfc3339(&text).map(|instant| to_micros(instant.with_timezone(&Utc)));
    let instant = instant.ok().filter(|instant| (0..=9999).contains(&instant.year()));
    instant.ok_or_else(|| rule_error("fecha-valida", texts::INVALID_INSTANT))
}

/// Reads a field that is a date of the form `YYYY-MM-DD`: `#[serde(deserialize_with = "date")]`.
///
/// # Errors
///
/// It has another form, or the day does not exist.
pub fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let form = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    let date = text.parse().ok().filter(|_| form.eq(*b"0000-00-00"));
    date.ok_or_else(|| rule_error("fecha-valida", texts::INVALID_DAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::{IntoDeserializer, value::Error};

    #[test]
    fn an_instant_is_read_in_utc_and_cut_to_microseconds() {
        let read = |text: &str| instant::<serde::de::value::StrDeserializer<'_, Error>>(text.into_deserializer());
        for (text, expected) in [
            ("2022-11-22T13:10:00Z", "2022-11-22T13:10:00Z"),
            ("2022-11-22T13:10:00.1234567-05:00", "2022-11-22T18:10:00.123456Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60.9999999Z", "2017-01-01T00:00:00.999999Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(read(text).unwrap(), expected.parse::<Timestamp>().unwrap(), "{text}");
        }
        for text in ["", "2022-11-22", "2022-11-22T13:10:00", "2022-13-22T13:10:00Z", "+12022-11-22T13:10:00Z", "no"]
            .into_iter()
            .chain([
                "9999-12-31T23:59:60Z",
                "9999-12-31T23:59:59-05:00",
                "0000-01-01T00:00:00+05:00",
                "-5000-01-01T00:00:00Z",
                "1669122600",
            ])
        {
            assert!(read(text).unwrap_err().to_string().contains("fecha-valida"), "{text}");
        }
    }

    #[test]
    fn a_date_has_one_form_and_is_a_day_that_exists() {
        let read = |text: &str| date::<serde::de::value::StrDeserializer<'_, Error>>(text.into_deserializer());
        for text in ["1990-02-28", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        let refused = ["", "1990-2-28", "2023-02-29", "1990-02-30", "1990-02-28 ", "+1990-02-28", "-0001-01-01"];
        for text in refused.into_iter().chain(["10000-01-01", "28/02/1990", "1990-02-28T00:00:00Z", "١٩٩٠-٠٢-٢٨"])
        {
            assert!(read(text).unwrap_err().to_string().contains("fecha-valida"), "{text}");
        }
    }
}
