//! Something between switch and gateway that has the switch told another mode than the gateway says.

use crate::{pbx::Pbx, ports};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

/// Takes the calls of a switch, and hands them on to the port that it returns. What the gateway says comes to the switch with `from`
/// changed to `to`.
pub fn between(pbx: &Pbx, from: &'static str, to: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", pbx.hand_over)).expect("the port is claimed");
    let port = ports::free().expect("a port is free");
    thread::spawn(move || {
        for switch in listener.incoming().map_while(Result::ok) {
            let Ok(gateway) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            let (Ok(from_switch), Ok(to_gateway)) = (switch.try_clone(), gateway.try_clone()) else { continue };
            thread::spawn(move || copy(from_switch, to_gateway, "", ""));
            thread::spawn(move || copy(gateway, switch, from, to));
        }
    });
    port
}

/// A command comes in one piece: it is written so.
fn copy(mut from: TcpStream, mut to: TcpStream, old: &str, new: &str) {
    let mut part = [0; 65536];
    while let Ok(n) = from.read(&mut part)
        && n > 0
    {
        let said = String::from_utf8_lossy(&part[..n]);
        let said = if old.is_empty() { said } else { said.replace(old, new).into() };
        if to.write_all(said.as_bytes()).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
