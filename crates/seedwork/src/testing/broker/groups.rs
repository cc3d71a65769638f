//! Promises to groups: they continue at their positions, and their members share the partitions.

use super::{BrokerUnderTest, DEADLINE, Member, Memory, all_partitions, keys, n, record, records, subscribe};
use crate::infrastructure::broker::{Broker, Partition, Subscriber};
use std::collections::HashMap;
use tokio::time::Instant;

/// Settled messages do not come again, whatever offset the broker has stored.
pub async fn a_group_reads_on_from_its_own_positions(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    broker.send(&records(under, &keys(8), 10)).await.unwrap();
    let mut first = Member::join(under, &memory).await;
    let read = first.reads(80).await;
    // The group settles the first half of each partition. The broker stores the end of it.
    let mut seen: HashMap<i32, i64> = HashMap::new();
    for delivery in &read {
        *seen.entry(delivery.partition.number).or_default() += 1;
    }
    let settled: Vec<_> =
        read.iter().filter(|delivery| delivery.offset < seen[&delivery.partition.number] / 2).collect();
    settled.iter().for_each(|delivery| memory.settle(delivery));
    let all: Vec<_> = read.iter().map(|delivery| (delivery.partition.clone(), delivery.offset + 1)).collect();
    first.subscriber.report_positions(&all).await.unwrap();
    drop(first);
    let rest = Member::join(under, &memory).await.reads(80 - settled.len()).await;
    let positions = memory.all();
    for delivery in &rest {
        let position = positions.get(&delivery.partition.number).copied().unwrap_or(0);
        assert!(delivery.offset >= position, "{delivery:?} was settled and came again");
    }
}

/// Messages that a member read and did not settle come again to the next one.
pub async fn unsettled_messages_come_again(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    broker.send(&records(under, &keys(4), 5)).await.unwrap();
    let mut read = Member::join(under, &memory).await.reads(20).await;
    let mut again = Member::join(under, &memory).await.reads(20).await;
    let place = |delivery: &crate::infrastructure::broker::Delivery| (delivery.partition.number, delivery.offset);
    read.sort_by_key(place);
    again.sort_by_key(place);
    assert_eq!(read, again);
}

/// A member reads only from partitions of its share, since it does not know the position of others.
pub async fn a_member_reads_no_partition_before_its_share_has_it(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    broker.send(&records(under, &keys(8), 10)).await.unwrap();
    let mut member = Member::join(under, &memory).await;
    let (mut read, until) = (0, Instant::now() + DEADLINE);
    while read < 80 {
        assert!(Instant::now() < until, "not all messages came");
        // The share is asked for rarely: meanwhile the member gains partitions that it does not know yet.
        for _ in 0..8 {
            for delivery in member.subscriber.read().await.unwrap() {
                assert!(
                    member.has.contains(&delivery.partition.number),
                    "{delivery:?} is from a partition outside of its share"
                );
                read += 1;
            }
        }
        member.ask().await;
    }
}

/// A busy member keeps its share and reads all messages in order later.
pub async fn a_reader_that_is_slow_loses_nothing(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let mut member = Member::join(under, &memory).await;
    member.asks_until("it has all partitions", |member| member.has == all_partitions()).await;
    let keys = keys(10);
    for _ in 0..10 {
        let mut batch = records(under, &keys, 200);
        batch.iter_mut().for_each(|record| record.value.extend_from_slice(&[b' '; 1_000]));
        broker.send(&batch).await.unwrap();
        assert_eq!(member.ask().await, Default::default(), "the share of a busy member changed");
    }
    let mut next: HashMap<i32, i64> = HashMap::new();
    for delivery in member.reads(20_000).await {
        let next = next.entry(delivery.partition.number).or_default();
        assert_eq!(delivery.offset, *next, "a message came out of order or twice");
        *next += 1;
    }
}

/// Two members have all partitions between them, and no partition has two readers.
pub async fn two_share_the_partitions(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let [mut one, mut two] = pair(under, &memory).await;
    assert!(one.has.is_disjoint(&two.has));
    broker.send(&records(under, &keys(16), 10)).await.unwrap();
    let mut next: HashMap<Vec<u8>, usize> = HashMap::new();
    let until = Instant::now() + DEADLINE;
    while next.values().sum::<usize>() < 160 {
        assert!(Instant::now() < until, "not all messages came");
        for member in [&mut one, &mut two] {
            member.ask().await;
            for delivery in member.subscriber.read().await.unwrap() {
                assert!(
                    member.has.contains(&delivery.partition.number),
                    "a message came from a partition outside of its share"
                );
                let next = next.entry(delivery.key.clone().unwrap()).or_default();
                assert_eq!(n(&delivery), *next, "a message came out of order or twice");
                *next += 1;
            }
        }
    }
}

/// A second member comes and goes while messages are sent. Each message comes once, in the order of its key.
pub async fn members_that_come_and_go_under_load_lose_nothing(under: &impl BrokerUnderTest) {
    let (broker, memory, keys) = (under.broker(), Memory::default(), keys(20));
    let mut one = Member::join(under, &memory).await;
    one.asks_until("it has all partitions", |one| one.has == all_partitions()).await;
    let (mut two, mut shared, mut sent) = (None, 0, 0);
    let (mut next, until) = (HashMap::<Vec<u8>, usize>::new(), Instant::now() + DEADLINE);
    // Three visits, then the rest of the messages.
    while shared < 3 || next.values().sum::<usize>() < keys.len() * sent {
        assert!(
            Instant::now() < until,
            "only {} of {} messages came, after {shared} visits",
            next.values().sum::<usize>(),
            keys.len() * sent
        );
        if shared < 3 {
            let round: Vec<_> = keys.iter().map(|key| record(under, key, sent)).collect();
            broker.send(&round).await.unwrap();
            sent += 1;
            if two.is_none() {
                two = Some(Member::join(under, &memory).await);
            }
        }

        for member in [Some(&mut one), two.as_mut()].into_iter().flatten() {
            member.ask().await;
            for delivery in member.subscriber.read().await.unwrap() {
                assert!(
                    member.has.contains(&delivery.partition.number),
                    "a message came from a partition outside of its share"
                );
                let next = next.entry(delivery.key.clone().unwrap()).or_default();
                assert_eq!(n(&delivery), *next, "a message came out of order or twice");
                *next += 1;
                memory.settle(&delivery);
            }
        }
        // The second member leaves as soon as it has a share.
        if two.as_ref().is_some_and(|two| !two.has.is_empty()) {
            two = None;
            shared += 1;
        }
    }
}

/// A new member gets a partition only after the former holder has released it.
pub async fn a_lost_partition_is_handed_over_when_it_is_released(under: &impl BrokerUnderTest) {
    let memory = Memory::default();
    let mut one = Member::join(under, &memory).await;
    one.asks_until("it has all partitions", |one| one.has == all_partitions()).await;
    let mut two = Member::join(under, &memory).await;
    let until = Instant::now() + DEADLINE;
    let lost = loop {
        assert!(Instant::now() < until, "the first member loses no partition");
        let share = one.keep().await;
        if !share.revoked.is_empty() {
            break share.revoked;
        }
        two.ask().await;
        two.subscriber.read().await.unwrap();
    };
    for _ in 0..2 {
        two.ask().await;
        assert!(
            lost.iter().all(|lost| !two.has.contains(&lost.number)),
            "the second member has a partition before its release"
        );
        one.keep().await;
        two.subscriber.read().await.unwrap();
    }
    one.subscriber.release(&lost).await.unwrap();
    while !lost.iter().all(|lost| two.has.contains(&lost.number)) {
        assert!(Instant::now() < until, "a released partition was not handed over");
        one.ask().await;
        two.ask().await;
        two.subscriber.read().await.unwrap();
    }
}

/// The partitions of a member that left go to the others.
pub async fn a_member_that_leaves_hands_its_partitions_over(under: &impl BrokerUnderTest) {
    let memory = Memory::default();
    let [one, mut two] = pair(under, &memory).await;
    one.subscriber.leave().await.unwrap();
    two.asks_until("it has all partitions", |two| two.has == all_partitions()).await;
}

/// A member that does not ask for its share for a while loses it and learns so when it asks again.
pub async fn a_member_that_is_frozen_loses_its_partitions_to_the_others(under: &impl BrokerUnderTest) {
    let memory = Memory::default();
    let [mut frozen, mut two] = pair(under, &memory).await;
    two.asks_until("it has all partitions", |two| two.has == all_partitions()).await;
    let share = frozen.keep().await;
    assert!(!share.revoked.is_empty() && frozen.has.is_empty(), "the frozen member still has partitions: {share:?}");
    frozen.subscriber.release(&share.revoked).await.unwrap();
    let until = Instant::now() + DEADLINE;
    while frozen.has.is_empty() {
        assert!(Instant::now() < until, "the member got no share after it thawed");
        frozen.ask().await;
        two.ask().await;
        frozen.subscriber.read().await.unwrap();
    }
    assert!(frozen.has.is_disjoint(&two.has));
}

/// A broken connection is an error at most, and a new subscription continues.
pub async fn connections_that_are_cut_lose_nothing(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let keys = keys(8);
    broker.send(&records(under, &keys, 10)).await.unwrap();
    let mut member = Some(Member::join(under, &memory).await);
    let (until, mut next, mut cut) = (Instant::now() + DEADLINE, HashMap::<Vec<u8>, usize>::new(), false);
    while next.values().sum::<usize>() < 160 {
        assert!(Instant::now() < until, "not all messages came");
        let read = match &mut member {
            Some(member) => match member.subscriber.poll_assignment().await {
                Ok(share) if share.revoked.is_empty() => member.subscriber.read().await,
                Ok(share) => member.subscriber.release(&share.revoked).await.map(|()| Vec::new()),
                Err(error) => Err(error),
            },
            None => {
                let joined = subscribe(under, &memory).await;
                member = joined.ok().map(|subscriber| Member { subscriber, has: Default::default() });
                continue;
            }
        };
        let Ok(read) = read else {
            member = None;
            continue;
        };
        for delivery in read {
            memory.settle(&delivery);
            let next = next.entry(delivery.key.clone().unwrap()).or_default();
            assert_eq!(n(&delivery), *next, "a message came out of order or twice");
            *next += 1;
        }
        if !cut && !next.is_empty() {
            under.interrupt().await;
            cut = true;
            let rest: Vec<_> = (10..20).flat_map(|n| keys.iter().map(move |key| record(under, key, n))).collect();
            while let Err(error) = broker.send(&rest).await {
                assert!(Instant::now() < until, "the broker takes no messages after the cut: {error:#}");
            }
        }
    }
}

/// Two members, each with a share.
async fn pair<U: BrokerUnderTest>(under: &U, memory: &Memory) -> [Member<<U::Broker as Broker>::Subscriber>; 2] {
    let (mut one, mut two) = (Member::join(under, memory).await, Member::join(under, memory).await);
    let until = Instant::now() + DEADLINE;
    while one.has.is_empty() || two.has.is_empty() || one.has.len() + two.has.len() < all_partitions().len() {
        assert!(Instant::now() < until, "the members do not share the partitions: {:?} and {:?}", one.has, two.has);
        for member in [&mut one, &mut two] {
            member.ask().await;
            member.subscriber.read().await.unwrap();
        }
    }
    [one, two]
}

/// A held partition yields no messages while the others do. Once it is no longer held, it continues where it stopped.
pub async fn a_held_partition_waits_while_the_others_are_read(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let held = Partition { topic: under.topic().into(), number: 0 };
    let mut member = Member::join(under, &memory).await;
    member.subscriber.set_paused(&[held.clone()].into());
    let mut read = 0;
    for count in [10, 500] {
        broker.send(&records(under, &keys(16), count)).await.unwrap();
        let watermarks = broker.ensure_topic(under.topic()).await.unwrap();
        let rest: i64 = watermarks.iter().skip(1).map(|watermarks| watermarks.high).sum();
        let rest = usize::try_from(rest).unwrap();
        assert!(member.reads(rest - read).await.iter().all(|delivery| delivery.partition != held));
        read = rest;
    }
    member.subscriber.set_paused(&[].into());
    let offsets: Vec<i64> = member.reads(16 * 510 - read).await.iter().map(|delivery| delivery.offset).collect();
    assert!(
        (0..).zip(&offsets).all(|(n, offset)| n == *offset),
        "messages of the held partition are missing or out of order"
    );
    assert!(!offsets.is_empty(), "no key has the held partition");
}
