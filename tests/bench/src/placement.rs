//! Which core does what: a server that shares the client's core would be measured along with it.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of the server and of the clients, the same for all parts of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// `None` where there is only one core for both.
    pub server: Option<usize>,
    /// As above.
    pub client: Option<usize>,
}

impl Placement {
    /// The first core that this process may use for the server, the last one for the clients.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn choose() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        Ok(match cores[..] {
            [server, .., client] => Self { server: Some(server), client: Some(client) },
            _ => Self { server: None, client: None },
        })
    }
}

/// Keeps this thread, and those that it starts from now on, on one core.
///
/// # Errors
/// Those of the operating system.
pub fn pin_to(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}
