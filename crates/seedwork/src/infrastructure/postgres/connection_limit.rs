//! The limit on the connections of a process, and the share of each context.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// The most threads of the HTTP server that read by themselves, in each context; the others share a connection.
const THREADS: usize = 4;
/// The number of lists that a context reads at once.
const LISTS: usize = 2;
/// The connections that a process needs beside its contexts: two that take turns, for topics, schemas, positions,
/// partitions and migrations.
const SHARED: usize = 2;

/// The connections that a context may have beyond those that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConnectionShare {
    /// Connections for lists.
    pub(super) lists: usize,
    /// Threads with a reader's connection of their own.
    pub(super) threads: usize,
}

/// The tasks of a process that need connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionNeeds {
    /// The number of its contexts.
    pub contexts: usize,
    /// True if it relays their logs.
    pub relay: bool,
    /// True if it runs their consumers.
    pub consumers: bool,
}

/// The connections that a process may have: all of them when nothing is said.
#[derive(Debug, Clone)]
pub struct ConnectionLimit {
    permits: Option<Arc<Semaphore>>,
    share: ConnectionShare,
}

/// A limit that leaves a context without a connection that it cannot do without.
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
    /// At most `limit` in a process. What its contexts do not need is shared among them: first threads that read by
    /// themselves, then lists.
    ///
    /// # Errors
    ///
    /// They need more.
    pub fn new(limit: usize, needs: ConnectionNeeds) -> Result<Self, TooFewConnections> {
        let ConnectionNeeds { contexts, relay, consumers } = needs;
        let relays = if relay { (1, "1 to relay") } else { (1, "1 to tell who relays") };
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
    fn what_contexts_do_not_need_is_shared_among_them() {
        for (limit, threads, lists) in [(26, 0, 1), (28, 0, 1), (29, 1, 1), (38, 4, 1), (41, 4, 2), (500, 4, 2)] {
            let share = ConnectionLimit::new(limit, ALL).unwrap().share();
            assert_eq!(share, ConnectionShare { lists, threads }, "{limit}");
            let most = 3 * (8 + share.threads + share.lists - 1) + SHARED;
            assert!(most <= limit, "{most} of {limit}");
        }
    }
}
