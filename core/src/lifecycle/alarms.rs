//! When the machine is to be ticked.

use std::collections::BTreeMap;
use std::future::pending;

use tokio::time::sleep;

use super::driver::Lifecycle;
use crate::time::{BootTime, Clock};

/// The times that the machine has asked for. The task that carries effects out has them, so that none outlives the
/// session: an access token's is hours away. What is owed at its time comes with a clone of the lifecycle, which keeps it
/// open until then.
#[derive(Debug, Default)]
pub(super) struct Alarms(BTreeMap<BootTime, Option<Lifecycle>>);

impl Alarms {
    pub(super) fn set(&mut self, time: BootTime, owed: Option<Lifecycle>) {
        let alarm = self.0.entry(time).or_default();
        if owed.is_some() {
            *alarm = owed;
        }
    }

    /// Waits for the first of them, for ever where there is none, and returns what came with it. Safe to cancel.
    pub(super) async fn next(&mut self, clock: &dyn Clock) -> Option<Lifecycle> {
        let Some((&first, _)) = self.0.first_key_value() else { return pending().await };
        // The runtime's timers and the boot clock differ: after a sleep of the device, and where a test moves the clock. A
        // tick that comes early would find nothing due.
        loop {
            let left = clock.boot_time().until(first);
            if left.is_zero() {
                return self.0.pop_first().and_then(|(_, owed)| owed);
            }
            sleep(left).await;
        }
    }
}
