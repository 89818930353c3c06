//! Ctrl-C and SIGTERM: the first pauses, the second is whoever asks' to end the process with.

use meshlift_kube::{Commands, Connection};
use meshlift_model::journal::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// How often somebody asked this process to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Once: what is under way ends, then the run waits.
    First,
    /// Again: the process is to end at once. The journal says what was meant; whoever resumes closes it.
    Again,
}

/// Listens for as long as the task lives.
pub(crate) fn listen(
    connection: &Connection,
    commands: Commands,
    tell: impl Fn(Interrupt) + Send + 'static,
) -> JoinHandle<()> {
    connection.runtime().spawn(async move {
        let (Ok(mut interrupts), Ok(mut terminations)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let mut asked = false;
        loop {
            let one = tokio::select! {
                one = interrupts.recv() => one,
                one = terminations.recv() => one,
            };
            if one.is_none() {
                return;
            }
            if asked {
                tell(Interrupt::Again);
            } else {
                tell(Interrupt::First);
                commands.send(Command::Pause);
            }
            asked = true;
        }
    })
}
