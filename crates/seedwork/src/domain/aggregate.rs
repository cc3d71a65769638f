//! The consistency boundary: an aggregate, its version and the events that it recorded.

use super::Id;

/// The number of an aggregate's changes: 0 before it exists, 1 when it is created. Every recorded event adds one, and
/// so does every save without a recorded event.
pub type Version = u32;

/// A cluster of objects that changes as one, through its root.
///
/// A change records a domain event; the unit of work takes the events when the aggregate is saved, so nobody can save
/// and forget to publish.
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// What tells one aggregate of this kind from another.
    type Id: Id;
    /// What can happen to it.
    type Event: Send + 'static;

    /// Which one it is.
    fn id(&self) -> Self::Id;

    /// The version, the recorded events included.
    fn version(&self) -> Version;

    /// Hands over the events recorded since it was loaded or last saved; without any, the version is raised by one. A save
    /// does this: every save is a change, so no two of them build on the same version. See [`Recorded::take`].
    fn take_events(&mut self) -> Vec<Self::Event>;
}

/// The events an aggregate recorded, and the version they bring it to.
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
    /// Of an aggregate that does not exist yet.
    pub fn new() -> Self {
        Self::since(0)
    }

    /// Of an aggregate that was loaded at `version`.
    pub fn since(version: Version) -> Self {
        Self { version, events: Vec::new() }
    }

    /// The version, the recorded events included.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The version that the next recorded event brings: what that event tells the world.
    pub fn next_version(&self) -> Version {
        self.version + 1
    }

    /// Remembers what happened.
    pub fn record(&mut self, event: E) {
        self.version += 1;
        self.events.push(event);
    }

    /// Hands over the events. Without any, the version is raised by one: a save is a change even without an event.
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
