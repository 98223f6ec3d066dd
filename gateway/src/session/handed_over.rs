//! A call that a switch hands over, and the connections for it.

use crate::{
    node::{Kind, Node},
    switch::{
        Call,
        asterisk::{agi::AgiLeg, prelude::Greeted},
        freeswitch::socket::{SocketLeg, connection::Connection},
        leg::Leg,
    },
};
use asterisk_rs_agi::AgiChannel;
use std::sync::Arc;
use tokio::net::TcpStream;

/// A call that was handed over, in the way of its switch: connections for it come and go.
#[derive(Clone)]
pub enum HandedOver {
    /// By FastAGI.
    Agi(Arc<AgiLeg>),
    /// By FreeSWITCH's `socket`.
    Socket(Arc<SocketLeg>),
}

/// A connection for a call.
pub enum Arrival {
    /// By FastAGI.
    Agi(Box<AgiChannel>),
    /// By FreeSWITCH's `socket`.
    Socket(Box<Connection>),
}

/// What a connection says of its call.
pub struct Greeting {
    /// The call's id on the switch.
    pub id: String,
    /// The application that the dialplan names, if it does.
    pub application: String,
    /// The number that was called.
    pub number: String,
}

impl HandedOver {
    /// A call of this switch that waits for its connection. `instance`: the run of the switch that had it when it was kept; `None`: it is
    /// a new one.
    pub fn new(node: &Node, call: Call, instance: Option<String>) -> Self {
        match &node.kind {
            Kind::Asterisk(switch) => Self::Agi(Arc::new(AgiLeg::new(switch.clone(), call))),
            Kind::FreeSwitch(switch) => Self::Socket(Arc::new(SocketLeg::new(switch.clone(), call, instance))),
        }
    }

    /// Whether a call that this run of the switch had may yet come back, though the switch does not have it now.
    pub fn may_come_back(node: &Node, instance: Option<&str>) -> bool {
        match &node.kind {
            Kind::Asterisk(_) => false,
            Kind::FreeSwitch(switch) => instance.is_some_and(|instance| switch.may_recover_calls_of(instance)),
        }
    }

    /// The call.
    pub fn leg(&self) -> Arc<dyn Leg> {
        match self {
            Self::Agi(leg) => leg.clone(),
            Self::Socket(leg) => leg.clone(),
        }
    }

    /// From now on commands go there.
    pub async fn attach(&self, arrival: Arrival) {
        match (self, arrival) {
            (Self::Agi(leg), Arrival::Agi(channel)) => leg.attach(*channel).await,
            (Self::Socket(leg), Arrival::Socket(connection)) => leg.attach(*connection).await,
            _ => tracing::error!("a connection of another kind of switch"),
        }
    }
}

/// What a new connection says. `Ok(None)`: its call has nothing to do any more.
pub async fn greet(node: &Node, stream: TcpStream) -> Result<Option<(Greeting, Arrival)>, String> {
    stream.set_nodelay(true).ok();
    if let Kind::FreeSwitch(_) = node.kind {
        let connection = Connection::greet(stream).await?;
        let (application, number) = (connection.application(), connection.number());
        let greeting = Greeting { id: connection.id().to_owned(), application, number };
        return Ok(Some((greeting, Arrival::Socket(Box::new(connection)))));
    }
    let greeted = Greeted::read(stream).await?;
    if greeted.extension == "h" {
        // The dialplan of a call that is hung up already.
        return Ok(None);
    }
    let greeting = Greeting {
        id: greeted.id,
        application: greeted.script.trim_matches('/').to_owned(),
        number: greeted.extension,
    };
    Ok(Some((greeting, Arrival::Agi(Box::new(greeted.channel)))))
}
