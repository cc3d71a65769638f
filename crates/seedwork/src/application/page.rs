//! Keyset pagination of lists, newest first by creation. A page begins after a cursor, not after a count, so items that
//! are added meanwhile move nothing.

use crate::domain::Timestamp;
use uuid::Uuid;

/// The place of an item in a list. A page begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// The time of its creation.
    pub created: Timestamp,
    /// Its id, which orders items with the same time.
    pub id: Uuid,
}

/// The request for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items of the page.
    pub limit: u32,
    /// The last item of the page before; none for the first page.
    pub after: Option<PageCursor>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The cursor of the next page; none for the last page.
    pub next: Option<PageCursor>,
}

impl PageRequest {
    /// Returns the number of items to read: one more than the page has, to know whether there is a next page.
    pub fn with_one_more(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Builds the page from the items that were [read](Self::with_one_more).
    ///
    /// ```
    /// # use seedwork::{application::{PageRequest, PageCursor}, domain::Timestamp};
    /// # use uuid::Uuid;
    /// let of = |n: &u8| PageCursor { created: Timestamp::UNIX_EPOCH, id: Uuid::from_u128((*n).into()) };
    /// let request = PageRequest { limit: 2, after: None };
    /// let page = request.page(vec![9, 8, 7], of);
    /// assert_eq!((page.items, page.next), (vec![9, 8], Some(of(&8))));
    /// assert_eq!(request.page(vec![7], of).next, None);
    /// ```
    pub fn page<T>(&self, mut read: Vec<T>, cursor: impl Fn(&T) -> PageCursor) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = read.len() > limit;
        read.truncate(limit);
        let next = read.last().filter(|_| has_next).map(cursor);
        Page { items: read, next }
    }
}
