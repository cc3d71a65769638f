//! The limit on the connections of a process, and each context's share of it.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// The most threads of the HTTP server that have a connection of their own, in each context. The others share one.
const THREADS: usize = 4;
/// The most lists that a context reads at once.
const LISTS: usize = 2;
/// The connections that a process needs besides those of its contexts. Topics, schemas, positions, partitions and
/// migrations share them.
const SHARED: usize = 2;

/// A context's share of the connections: those that it may have beyond those that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionShare {
    /// Connections for lists.
    pub(crate) lists: usize,
    /// Threads with a connection of their own for reads by id.
    pub(crate) threads: usize,
}

/// The contexts and tasks of a process that need connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionNeeds {
    /// The number of its contexts.
    pub contexts: usize,
    /// True if the process relays their logs.
    pub relay: bool,
    /// True if the process runs their consumers.
    pub consumers: bool,
}

/// The connections that a process may have. The default has no limit.
#[derive(Debug, Clone)]
pub struct ConnectionLimit {
    permits: Option<Arc<Semaphore>>,
    share: ConnectionShare,
}

/// A limit below the number of connections that the contexts need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} connections are too few: {contexts} contexts need {each} each ({what}), and the process {SHARED}: {} in all",
    contexts * each + SHARED
)]
pub struct TooFewConnections {
    limit: usize,
    contexts: usize,
    each: usize,
    what: String,
}

impl Default for ConnectionLimit {
    fn default() -> Self {
        Self { permits: None, share: ConnectionShare { lists: LISTS, threads: THREADS } }
    }
}

impl ConnectionLimit {
    /// Creates a limit of `limit` connections. Those that the contexts do not need are shared among them: first for
    /// threads with a connection of their own, then for lists.
    ///
    /// # Errors
    ///
    /// The contexts need more than `limit` connections.
    pub fn new(limit: usize, needs: ConnectionNeeds) -> Result<Self, TooFewConnections> {
        let ConnectionNeeds { contexts, relay, consumers } = needs;
        let relays = if relay { (1, "1 to relay") } else { (1, "1 to notify of commits") };
        let consumes = if consumers { (3, "3 to consume") } else { (0, "0 to consume") };
        let parts =
            [(1, "1 to commit"), relays, consumes, (1, "1 to read by id"), (1, "1 for lists"), (1, "1 for readiness")];
        let each = parts.iter().map(|(count, _)| count).sum::<usize>();
        let Some(free) = limit.checked_sub(contexts * each + SHARED) else {
            return Err(TooFewConnections { limit, contexts, each, what: parts.map(|(_, what)| what).join(", ") });
        };
        let further = free / contexts.max(1);
        let threads = further.min(THREADS);
        let lists = 1 + (further - threads).min(LISTS - 1);
        Ok(Self { permits: Some(Arc::new(Semaphore::new(limit))), share: ConnectionShare { lists, threads } })
    }

    pub(super) fn permits(&self) -> Option<Arc<Semaphore>> {
        self.permits.clone()
    }

    pub(super) fn share(&self) -> ConnectionShare {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ConnectionNeeds = ConnectionNeeds { contexts: 3, relay: true, consumers: true };

    #[test]
    fn a_limit_that_is_too_small_is_refused_with_the_arithmetic() {
        let refused = ConnectionLimit::new(20, ALL).map(drop).unwrap_err().to_string();
        let expected = "20 connections are too few: 3 contexts need 8 each (1 to commit, 1 to relay, 3 to consume, 1 to \
                        read by id, 1 for lists, 1 for readiness), and the process 2: 26 in all";
        assert_eq!(refused, expected);
    }

    #[test]
    fn connections_that_no_context_needs_are_shared_among_all() {
        for (limit, threads, lists) in [(26, 0, 1), (28, 0, 1), (29, 1, 1), (38, 4, 1), (41, 4, 2), (500, 4, 2)] {
            let share = ConnectionLimit::new(limit, ALL).unwrap().share();
            assert_eq!(share, ConnectionShare { lists, threads }, "{limit}");
            let most = 3 * (8 + share.threads + share.lists - 1) + SHARED;
            assert!(most <= limit, "{most} of {limit}");
        }
    }
}
