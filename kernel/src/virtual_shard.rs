//! Sharding: the shard of a tenant. Tenants map to 1,024 virtual shards by a hash that never changes; virtual shards
//! map to the shards of an engine.

use updraft_protocol::TenantCode;
use updraft_protocol::ids::mix;
use updraft_protocol::limits::VIRTUAL_SHARDS;

/// One of the virtual shards: below 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualShard(u16);

impl VirtualShard {
    /// All of them, in order.
    pub const ALL: [Self; VIRTUAL_SHARDS as usize] = {
        let mut all = [Self(0); VIRTUAL_SHARDS as usize];
        let mut number = 0;
        while number < VIRTUAL_SHARDS {
            all[number as usize] = Self(number);
            number += 1;
        }
        all
    };

    /// The virtual shard of a tenant: FNV-1a over its code (Fowler, Noll, Vo), spread by SplitMix64's
    /// finaliser. Stored leases depend on it: it never changes.
    pub fn of(tenant: &TenantCode) -> Self {
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = tenant.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
        Self((mix(hash) % u64::from(VIRTUAL_SHARDS)) as u16)
    }

    /// Its number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The one of `shards` shards that runs it, by rendezvous hashing (Thaler and Ravishankar, 1998): when a shard is
    /// added or removed, only its own share moves.
    pub fn shard(self, shards: usize) -> usize {
        let weight = |shard: &usize| mix(u64::from(self.0) << 32 | *shard as u64);
        (0..shards.max(1)).max_by_key(weight).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shards() -> impl Iterator<Item = VirtualShard> {
        VirtualShard::ALL.into_iter()
    }

    #[test]
    fn a_tenant_keeps_its_virtual_shard_for_ever() {
        let of = |code: &str| VirtualShard::of(&TenantCode::new(code).unwrap()).get();
        assert_eq!((of("acme"), of("globex")), (959, 184));
    }

    proptest! {
        #[test]
        fn a_new_shard_takes_only_its_share(count in 1usize..64) {
            let moved = shards().filter(|v| v.shard(count) != v.shard(count + 1)).count();
            let to_old = shards().filter(|v| v.shard(count + 1) != count && v.shard(count) != v.shard(count + 1));
            prop_assert_eq!(to_old.count(), 0);
            let share = usize::from(VIRTUAL_SHARDS) / (count + 1);
            prop_assert!(moved <= share * 2 + 16, "{} moved, the share is {}", moved, share);
        }

        #[test]
        fn shards_get_about_the_same(count in 2usize..17) {
            let mut held = vec![0usize; count];
            shards().for_each(|v| held[v.shard(count)] += 1);
            let mean = usize::from(VIRTUAL_SHARDS) / count;
            prop_assert!(held.iter().all(|n| *n > mean / 2 && *n < mean * 2), "{:?}", held);
        }
    }
}
