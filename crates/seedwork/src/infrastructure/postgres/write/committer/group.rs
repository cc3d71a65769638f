//! The choice of units that may share a transaction.

use super::queue::Unit;
use std::collections::HashSet;
use uuid::Uuid;

/// A thing that two units may share: a root that both write, a key whose messages are ordered, or a message that was
/// delivered twice.
#[derive(PartialEq, Eq, Hash)]
enum Resource<'a> {
    Root(&'static str, Uuid),
    Key(&'static str, &'a str),
    Message(&'a str, &'a str),
}

/// Splits units into those of this group and those that wait for the next group.
///
/// Two units that write the same root cannot share a statement, so the later one waits. So does every unit that shares
/// a root or an ordering key with a waiting unit, because it would overtake that unit.
pub(super) fn split_group(units: Vec<Unit>) -> (Vec<Unit>, Vec<Unit>) {
    let waits = waiting(&units);
    let (mut now, mut later) = (Vec::with_capacity(units.len()), Vec::new());
    for (unit, waits) in units.into_iter().zip(waits) {
        if waits { &mut later } else { &mut now }.push(unit);
    }
    (now, later)
}

fn waiting(units: &[Unit]) -> Vec<bool> {
    let (mut written, mut blocked) = (HashSet::new(), HashSet::new());
    units
        .iter()
        .map(|unit| {
            let waits = exclusive_resources(unit).any(|one| written.contains(&one) || blocked.contains(&one))
                || ordering_keys(unit).any(|key| blocked.contains(&key));
            if waits {
                blocked.extend(exclusive_resources(unit).chain(ordering_keys(unit)));
            } else {
                written.extend(exclusive_resources(unit));
            }
            waits
        })
        .collect()
}

/// Returns what no other unit of the group may share: the roots that it writes, and the message that it claims.
fn exclusive_resources(unit: &Unit) -> impl Iterator<Item = Resource<'_>> {
    let writes = &unit.writes;
    let parked = writes.parking.as_ref().map(|parking| &parking.consumed);
    let consumed =
        writes.consumed.iter().chain(parked).map(|consumed| Resource::Message(&consumed.source, &consumed.id));
    let changes = writes.changes.iter();
    changes.filter_map(|change| change.root_id().map(|id| Resource::Root(change.table().name, id))).chain(consumed)
}

fn ordering_keys(unit: &Unit) -> impl Iterator<Item = Resource<'_>> {
    unit.writes.messages.iter().map(|message| Resource::Key(message.topic, &message.key))
}
