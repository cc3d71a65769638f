//! Durations in settings: a number and its unit.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", DAY)];
const DAY: u64 = 86_400_000;

/// Parses `<n>ms|s|m|h|d`, for example `90s`. Days may have decimals.
pub(super) fn duration(least: Duration, most: Duration) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let parsed = parse(text).filter(|duration| (least..=most).contains(duration));
        parsed.ok_or_else(|| format!("a duration like 90s, 12h or 7d, from {} to {}", show(least), show(most)))
    }
}

fn parse(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, millis) = UNITS.into_iter().find(|(known, _)| *known == unit)?;
    if unit == "d" {
        let days: f64 = number.parse().ok()?;
        return Duration::try_from_secs_f64(days * 86_400.0).ok();
    }
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))
}

/// Formats a duration in the largest unit that divides it.
fn show(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) = UNITS.into_iter().rev().find(|(_, size)| millis.is_multiple_of(*size)).unwrap_or(UNITS[0]);
    format!("{}{unit}", millis / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let day = Duration::from_secs(86_400);
        let parse = duration(Duration::from_millis(1), day * 365);
        let valid = [
            ("1ms", Duration::from_millis(1)),
            ("90s", Duration::from_secs(90)),
            ("5m", Duration::from_secs(300)),
            ("12h", day / 2),
            ("7d", day * 7),
            ("0.5d", day / 2),
        ];
        for (text, expected) in valid {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for wrong in
            ["", "7", "d", "-1d", "1.5h", "7 d", "7w", "1..5d", "0s", "366d", "1e400d", "99999999999999999999h"]
        {
            let told = parse(wrong).unwrap_err();
            assert_eq!(told, "a duration like 90s, 12h or 7d, from 1ms to 365d", "{wrong}");
        }
    }
}
