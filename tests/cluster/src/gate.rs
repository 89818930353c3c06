//! The gate between this machine's loopback and a cluster's namespace: a Unix socket crosses namespaces, a TCP
//! connection does not.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

/// Outside: every connection to the listener goes through the socket. Returns when the listener fails.
pub(crate) fn outside(listener: &TcpListener, socket: PathBuf) {
    for tcp in listener.incoming().flatten() {
        let Ok(unix) = UnixStream::connect(&socket) else { continue };
        join(tcp, unix);
    }
}

/// Inside: every connection through the socket goes to the port.
pub(crate) fn inside(listener: &UnixListener, port: u16) {
    for unix in listener.incoming().flatten() {
        let Ok(tcp) = TcpStream::connect(("127.0.0.1", port)) else { continue };
        join(tcp, unix);
    }
}

/// Copies both ways until either side is done.
fn join(tcp: TcpStream, unix: UnixStream) {
    // A request must not wait for the one before it to be acknowledged.
    let _ = tcp.set_nodelay(true);
    let (Ok(mut tcp_reader), Ok(mut unix_writer)) = (tcp.try_clone(), unix.try_clone()) else { return };
    let (mut tcp, mut unix) = (tcp, unix);
    thread::spawn(move || {
        let _ = io::copy(&mut tcp_reader, &mut unix_writer);
        let _ = unix_writer.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut unix, &mut tcp);
        let _ = tcp.shutdown(Shutdown::Write);
    });
}
