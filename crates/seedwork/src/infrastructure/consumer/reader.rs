//! Reads this process's share of the topics, as fast as what is read is handled.

use super::{Consumer, positions};
use crate::infrastructure::broker::{Broker, Delivery, Partition, Subscriber};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// How many messages are read at once.
const BATCH: i64 = 500;
/// How often the share is asked for.
const SHARE: Duration = Duration::from_secs(1);

/// What the reader tells.
pub(super) enum News {
    /// A partition is heard here from an offset on.
    Gained(Partition, i64),
    /// A partition is heard elsewhere.
    Lost(Partition),
    /// Messages of one partition, in order.
    Read(Partition, Vec<Delivery>),
}

impl<B: Broker> Consumer<B> {
    /// Reads until something fails or nobody listens.
    pub(super) async fn read(&self, news: &mpsc::Sender<News>, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut subscriber = self.broker.subscribe(&self.group, &self.hearing.topics).await?;
        let mut heard: BTreeMap<Partition, i64> = BTreeMap::new();
        let mut shared: Option<Instant> = None;
        while !stop.is_cancelled() {
            if shared.is_none_or(|shared| shared.elapsed() > SHARE) {
                let share = subscriber.share().await?;
                shared = Some(Instant::now());
                let lost: Vec<_> = heard.keys().filter(|partition| !share.contains(partition)).cloned().collect();
                for partition in lost {
                    heard.remove(&partition);
                    news.send(News::Lost(partition)).await?;
                }
                for partition in share {
                    if let Entry::Vacant(gained) = heard.entry(partition) {
                        let position = positions::of(&self.database, gained.key()).await?;
                        news.send(News::Gained(gained.key().clone(), position)).await?;
                        gained.insert(position);
                    }
                }
            }
            let mut quiet = true;
            for (partition, next) in &mut heard {
                let messages = subscriber.read(partition, *next, BATCH).await?;
                if let Some(last) = messages.last() {
                    (*next, quiet) = (last.offset + 1, false);
                    // Waits while as much as may be open is open: that holds reading back.
                    news.send(News::Read(partition.clone(), messages)).await?;
                }
            }
            if quiet {
                stop.run_until_cancelled(subscriber.news()).await;
            }
        }
        Ok(())
    }
}
