//! A free TCP port on the loopback that nobody else can take before the API server does.
//!
//! To pick a port and close it is a race that a busy machine loses. Here the port stays bound, not listening, with
//! SO_REUSEPORT; the API server binds the same port the same way (`--permit-port-sharing`), others get "in use".

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, ipproto, socket, sockopt::set_socket_reuseport};

use crate::error::{Doing, Result};

/// A port that is kept for as long as this lives.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _socket: OwnedFd,
}

impl Port {
    /// One that the kernel picks.
    pub(crate) fn reserve() -> Result<Self> {
        Self::try_reserve().doing(|| "reserving a port on 127.0.0.1")
    }

    fn try_reserve() -> io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::TCP))?;
        // Programs started meanwhile must not keep the port.
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        set_socket_reuseport(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let number = SocketAddrV4::try_from(getsockname(&socket)?)?.port();
        Ok(Self { number, _socket: socket })
    }

    /// Its number.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_reserved_port_is_nobody_elses_until_it_is_given_back() {
        let port = Port::reserve().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_ne!(Port::reserve().unwrap().number(), port.number());
        drop(port);
        TcpListener::bind(address).unwrap();
    }
}
