//! Lists, one page at a time, newest first by creation. A page begins after a position, not after a count, so that what
//! is added meanwhile moves nothing.

use crate::domain::Timestamp;
use uuid::Uuid;

/// Where an item stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// When it was created.
    pub created: Timestamp,
    /// Its id, for those of one moment.
    pub id: Uuid,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at most.
    pub limit: u32,
    /// The last item of the page before; none for the first page.
    pub after: Option<PageCursor>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins; none when there is none.
    pub next: Option<PageCursor>,
}

impl PageRequest {
    /// How many items are to be read: one more than the page has, which tells whether there is a next one.
    pub fn with_one_more(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page, of the items that were [read](Self::with_one_more).
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
    pub fn page<T>(&self, mut read: Vec<T>, position: impl Fn(&T) -> PageCursor) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = read.len() > limit;
        read.truncate(limit);
        let next = read.last().filter(|_| has_next).map(position);
        Page { items: read, next }
    }
}
