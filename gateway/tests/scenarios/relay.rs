//! Something between gateway and switch that cuts their connection in the middle of a command.

use crate::ports;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

/// Where a command is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The switch has the command, and the gateway gets no answer.
    BeforeTheAnswer,
    /// The gateway gets the first half of what the switch says next.
    InTheAnswer,
}

#[derive(Default)]
struct State {
    /// The command that is to be cut off, and where.
    planned: Option<(Cut, &'static [&'static str])>,
    /// The next answer is to be cut off.
    in_answer: bool,
    /// Nobody gets through.
    down: bool,
    open: Vec<TcpStream>,
}

impl State {
    fn go_down(&mut self) {
        self.down = true;
        for stream in self.open.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

/// The relay. It ends with the program.
pub struct Relay {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no thread has panicked with it")
}

impl Relay {
    /// One in front of this port.
    pub fn before(switch: u16) -> Self {
        let port = ports::free().expect("a port is free");
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for gateway in listener.incoming().map_while(Result::ok) {
                if lock(&shared).down {
                    continue;
                }
                let Ok(switch) = TcpStream::connect(("127.0.0.1", switch)) else { continue };
                let copies = [&gateway, &switch].map(|stream| stream.try_clone().expect("a socket can be shared"));
                let [to_gateway, to_switch] =
                    [&gateway, &switch].map(|s| s.try_clone().expect("a socket can be shared"));
                lock(&shared).open.extend(copies);
                let (commands, answers) = (shared.clone(), shared.clone());
                thread::spawn(move || carry(gateway, to_switch, &commands, Side::Commands));
                thread::spawn(move || carry(switch, to_gateway, &answers, Side::Answers));
            }
        });
        Self { port, state }
    }

    /// Of the commands with these words, one after the other, the last is cut off.
    pub fn cut(&self, cut: Cut, words: &'static [&'static str]) {
        lock(&self.state).planned = Some((cut, words));
    }

    /// Whether it has been.
    pub fn is_down(&self) -> bool {
        lock(&self.state).down
    }

    /// From now on everybody gets through again.
    pub fn mend(&self) {
        *lock(&self.state) = State::default();
    }
}

#[derive(PartialEq, Eq)]
enum Side {
    Commands,
    Answers,
}

fn carry(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>, side: Side) {
    let mut part = [0; 65536];
    while let Ok(n) = from.read(&mut part)
        && n > 0
    {
        let said = &part[..n];
        if side == Side::Answers {
            let mut state = lock(state);
            if state.in_answer {
                to.write_all(&said[..n / 2]).ok();
                state.go_down();
                return;
            }
        }
        if to.write_all(said).is_err() {
            break;
        }
        if side == Side::Commands {
            let text = String::from_utf8_lossy(said);
            let mut held = lock(state);
            let planned = match held.planned {
                Some((cut, [next, rest @ ..])) if text.contains(next) => {
                    held.planned = (!rest.is_empty()).then_some((cut, rest));
                    rest.is_empty().then_some(cut)
                }
                _ => None,
            };
            drop(held);
            match planned {
                Some(Cut::InTheAnswer) => lock(state).in_answer = true,
                Some(Cut::BeforeTheAnswer) => {
                    lock(state).in_answer = false;
                    lock(state).go_down();
                    return;
                }
                None => {}
            }
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
