//! Aggregates: the consistency boundary, its version and its recorded events.

use super::Id;

/// The number of changes of an aggregate: 0 before it exists, 1 when it is created. Every recorded event adds one. So
/// does a save without a recorded event.
pub type Version = u32;

/// A cluster of objects that changes as one, through its root.
///
/// A change records a domain event. The unit of work takes the events with the save, so no event can be forgotten.
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// The type of its id.
    type Id: Id;
    /// The type of its domain events.
    type Event: Send + 'static;

    /// Returns its id.
    fn id(&self) -> Self::Id;

    /// Returns its version, the recorded events included.
    fn version(&self) -> Version;

    /// Takes the events recorded since it was loaded or last saved. Without any, raises the version by one: every save
    /// is a change, so no two saves build on the same version. See [`Recorded::take`].
    fn take_events(&mut self) -> Vec<Self::Event>;
}

/// The version of an aggregate and its recorded events.
///
/// ```
/// # use seedwork::domain::Recorded;
/// let mut events = Recorded::new();
/// assert_eq!(events.next_version(), 1);
/// events.record("creada");
/// assert_eq!((events.version(), events.take(), events.version()), (1, vec!["creada"], 1));
/// assert_eq!((events.take(), events.version()), (vec![], 2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E> {
    version: Version,
    events: Vec<E>,
}

impl<E> Recorded<E> {
    /// Starts at version 0: the aggregate does not exist yet.
    pub fn new() -> Self {
        Self::since(0)
    }

    /// Starts at the version at which the aggregate was loaded.
    pub fn since(version: Version) -> Self {
        Self { version, events: Vec::new() }
    }

    /// Returns the version, the recorded events included.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the version after the next recorded event, for that event to carry.
    pub fn next_version(&self) -> Version {
        self.version + 1
    }

    /// Records an event.
    pub fn record(&mut self, event: E) {
        self.version += 1;
        self.events.push(event);
    }

    /// Takes the events. Without any, raises the version by one: a save is a change even without an event.
    pub fn take(&mut self) -> Vec<E> {
        self.version += u32::from(self.events.is_empty());
        std::mem::take(&mut self.events)
    }
}

impl<E> Default for Recorded<E> {
    fn default() -> Self {
        Self::new()
    }
}
