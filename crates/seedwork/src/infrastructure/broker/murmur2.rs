//! The hash with which Kafka's clients choose a partition: every producer of a key chooses the same one.

const M: u32 = 0x5bd1_e995;
const SEED: u32 = 0x9747_b28c;

/// Returns the partition that Kafka's default partitioner chooses for a key.
pub(super) fn partition(key: &[u8], partitions: i32) -> i32 {
    let positive = i32::from_ne_bytes((murmur2(key) & 0x7fff_ffff).to_ne_bytes());
    positive % partitions.max(1)
}

/// Computes MurmurHash2 (Austin Appleby, public domain) with Kafka's seed, in the byte order of Kafka's Java client.
fn murmur2(data: &[u8]) -> u32 {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, tail) = data.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (n, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * n);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_kafka() {
        // The vectors of Kafka's own `UtilsTest.testMurmur2`.
        let vectors = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, hash) in vectors {
            assert_eq!(murmur2(text.as_bytes()), u32::from_ne_bytes(i32::to_ne_bytes(hash)), "{text}");
        }
    }

    #[test]
    fn a_partition_is_one_of_those_there_are() {
        assert!((0..1_000).all(|n: i32| (0..6).contains(&partition(&n.to_be_bytes(), 6))));
    }
}
