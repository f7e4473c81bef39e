//! The epochs under which a process writes: one for each virtual shard, so that a virtual shard moves to another owner
//! without the others. Claims no epoch; a store does.

use updraft_protocol::TenantCode;

use crate::virtual_shard::VirtualShard;

/// The epoch of each virtual shard that its owner has claimed. The others have 0, which no store gives: a write under
/// it is older than every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardEpochs(Box<[u64]>);

impl ShardEpochs {
    /// The epoch of a virtual shard.
    pub fn get(&self, shard: VirtualShard) -> u64 {
        self.0.get(usize::from(shard.get())).copied().unwrap_or(0)
    }

    /// The epoch for writes of a tenant.
    pub fn of(&self, tenant: &TenantCode) -> u64 {
        self.get(VirtualShard::of(tenant))
    }

    /// The highest epoch.
    pub fn highest(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or(0)
    }
}

impl Default for ShardEpochs {
    /// No claimed epochs.
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<(VirtualShard, u64)> for ShardEpochs {
    fn from_iter<I: IntoIterator<Item = (VirtualShard, u64)>>(claimed: I) -> Self {
        let mut epochs = vec![0; VirtualShard::ALL.len()].into_boxed_slice();
        for (shard, epoch) in claimed {
            if let Some(place) = epochs.get_mut(usize::from(shard.get())) {
                *place = epoch;
            }
        }
        Self(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_virtual_shard_has_its_own_and_an_unclaimed_one_none() {
        let tenant = |code| TenantCode::new(code).unwrap();
        let shard = VirtualShard::of(&tenant("acme"));
        let epochs: ShardEpochs =
            [(shard, 7), (VirtualShard::of(&tenant("globex")), 9)].into_iter().collect();
        assert_eq!((epochs.of(&tenant("acme")), epochs.of(&tenant("globex")), epochs.highest()), (7, 9, 9));
        let claimed = VirtualShard::ALL.iter().filter(|shard| epochs.get(**shard) > 0);
        assert_eq!(claimed.count(), 2);
    }
}
