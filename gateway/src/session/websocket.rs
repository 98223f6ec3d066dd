//! The websocket of one call to its application: messages with acknowledgements, and a connection that comes back.

use super::{
    incoming::{AppError, Incoming},
    outbound::Outbound,
    retries::{Fault, Retries},
};
use base64::Engine;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Request, header},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use url::Url;
use uuid::Uuid;

use futures_util::{SinkExt, StreamExt};

/// How long an acknowledgement may take.
pub const ACK: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_millis(1500);
/// The longest message that an application may send, in bytes, as in jambonz.
const MOST_MESSAGE: usize = 24 * 1024;
/// Messages that may wait for a connection.
const MOST_WAITING: usize = 64;
const MOST_CONNECTIONS: usize = 5;
/// How often an application that cannot be connected is tried again where its address says nothing.
const RETRIES: usize = 5;
const PROTOCOL: &str = "ws.jambonz.org";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Acks = Arc<Mutex<Waiting>>;

/// Who waits for acknowledgements.
#[derive(Default)]
struct Waiting {
    by_id: HashMap<String, oneshot::Sender<Option<Value>>>,
    /// The message that began the session.
    first: Option<String>,
}

/// What a message is about.
pub struct Outgoing<'a> {
    /// `session:new`, `verb:hook`, ...
    pub kind: &'a str,
    /// The hook, where it is about one.
    pub hook: Option<&'a str>,
    /// Its data.
    pub data: Map<String, Value>,
}

enum Order {
    Send(String),
    Close(u16),
}

/// The connection. It ends with this value.
pub struct Websocket {
    call_sid: Uuid,
    orders: mpsc::Sender<Order>,
    acks: Acks,
    /// The application knows of the call by this gateway.
    known: watch::Receiver<bool>,
    /// Its address, without what says how to try.
    pub url: Url,
    /// The address of its hooks.
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{0}")]
    Connection(std::io::Error),
    #[error("no answer in 1.5 s")]
    Timeout,
    #[error("it answered {0}")]
    Status(u16),
    #[error("{0}")]
    Other(String),
}

impl ConnectError {
    fn fault(&self) -> Fault {
        match self {
            Self::Connection(error) => Fault::of_io(error),
            Self::Timeout => Fault::Timeout,
            Self::Status(status) => Fault::Status(*status),
            Self::Other(_) => Fault::Other,
        }
    }
}

/// Where the application of a call is, and what its connections are made with.
pub struct Endpoint {
    url: Url,
    outbound: Outbound,
    basic: Option<String>,
    call_sid: Uuid,
    session: Map<String, Value>,
    incoming: mpsc::Sender<Incoming>,
    retries: Retries,
}

impl Endpoint {
    /// `session`: what the application is told of the call when a connection is made again.
    pub fn new(
        url: &Url,
        outbound: &Outbound,
        basic: Option<&str>,
        call_sid: Uuid,
        session: Map<String, Value>,
        incoming: mpsc::Sender<Incoming>,
    ) -> Self {
        let retries = Retries::of(url, RETRIES);
        let (mut url, basic) = (url.clone(), basic.map(str::to_owned));
        url.set_fragment(None);
        Self { url, outbound: outbound.clone(), basic, call_sid, session, incoming, retries }
    }

    /// Connects; what breaks later is connected again.
    pub async fn connect(self) -> Result<Websocket, AppError> {
        let mut tried_again = 0;
        let socket = loop {
            match self.open().await {
                Ok(socket) => break socket,
                Err(error) => {
                    let url = &self.url;
                    let Some(wait) = self.retries.wait(tried_again, error.fault()) else {
                        return Err(AppError::Failed(format!("{url}: {error}")));
                    };
                    tracing::debug!(%url, %error, "the application is tried again in {wait:?}");
                    tried_again += 1;
                    tokio::time::sleep(wait).await;
                }
            }
        };
        Ok(self.begin(Some(socket)))
    }

    /// The connection of a call that the application knows of by a gateway before this one: made as one that broke is, however the
    /// application fails at first, with everything else waiting until it has acknowledged.
    pub fn connect_again(self) -> Websocket {
        self.begin(None)
    }

    fn begin(self, socket: Option<Socket>) -> Websocket {
        let (orders, taken) = mpsc::channel(MOST_WAITING);
        let (known, is_known) = watch::channel(socket.is_some());
        let (acks, url, call_sid) = (Acks::default(), self.url.clone(), self.call_sid);
        let connection = Connection { endpoint: self, orders: taken, acks: acks.clone(), known };
        let task = tokio::spawn(connection.run(socket));
        Websocket { call_sid, orders, acks, known: is_known, url, task }
    }

    async fn open(&self) -> Result<Socket, ConnectError> {
        open(&self.url, &self.outbound, self.basic.as_deref()).await
    }
}

async fn open(url: &Url, outbound: &Outbound, basic: Option<&str>) -> Result<Socket, ConnectError> {
    let mut url = url.clone();
    for _ in 0..3 {
        let request = handshake(&url, basic).map_err(|error| ConnectError::Other(error.to_string()))?;
        let config = WebSocketConfig::default().max_message_size(Some(MOST_MESSAGE)).max_frame_size(Some(MOST_MESSAGE));
        let connecting = async {
            let stream = outbound.tcp(&url).await?;
            client_async_tls_with_config(request, stream, Some(config), None).await
        };
        let connected = timeout(HANDSHAKE, connecting).await;
        match connected.map_err(|_| ConnectError::Timeout)? {
            Ok((socket, _)) => return Ok(socket),
            Err(tungstenite::Error::Http(response)) if response.status().is_redirection() => {
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                let next = to.and_then(|to| url.join(to).ok()).filter(|next| next.host_str() == url.host_str());
                url = next.ok_or_else(|| ConnectError::Other("it redirects to another host".into()))?;
            }
            Err(tungstenite::Error::Http(response)) => return Err(ConnectError::Status(response.status().as_u16())),
            Err(tungstenite::Error::Io(error)) => return Err(ConnectError::Connection(error)),
            Err(error) => return Err(ConnectError::Other(error.to_string())),
        }
    }
    Err(ConnectError::Other("it redirects more than twice".into()))
}

fn handshake(url: &Url, basic: Option<&str>) -> Result<Request<()>, Box<dyn std::error::Error>> {
    let mut request = url.as_str().into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("jambonz"));
    if let Some(basic) = basic {
        headers.insert(header::AUTHORIZATION, basic.parse()?);
    }
    Ok(request)
}

/// The header of Basic authentication.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

impl Websocket {
    /// Sends a message that nobody acknowledges.
    pub async fn tell(&self, message: Outgoing<'_>) {
        let text = envelope(self.call_sid, &new_id(), message);
        if self.orders.try_send(Order::Send(text)).is_err() {
            tracing::warn!(call_sid = %self.call_sid, "the application takes no messages: one is lost");
        }
    }

    /// Sends a message and returns what its acknowledgement carries.
    pub async fn ask(&self, message: Outgoing<'_>) -> Result<Option<Value>, AppError> {
        // Until the application has its call back it cannot acknowledge anything else.
        self.known.clone().wait_for(|known| *known).await.map_err(|_| AppError::Closed)?;
        let (id, kind) = (new_id(), message.kind.to_owned());
        let (acknowledge, acknowledged) = oneshot::channel();
        {
            let mut waiting = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.by_id.insert(id.clone(), acknowledge);
            if message.kind == "session:new" {
                waiting.first = Some(id.clone());
            }
        }
        let text = envelope(self.call_sid, &id, message);
        let sent = self.orders.try_send(Order::Send(text));
        let answer = match sent {
            Ok(()) => timeout(ACK, acknowledged).await,
            Err(_) => return Err(AppError::Closed),
        };
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).by_id.remove(&id);
        match answer {
            Ok(Ok(data)) => Ok(data),
            Ok(Err(_)) => Err(AppError::Closed),
            Err(_) => Err(AppError::Failed(format!("no acknowledgement of {kind} in 5 s"))),
        }
    }

    /// Closes it; what was sent before goes first.
    pub async fn close(&self, code: u16) {
        self.orders.send(Order::Close(code)).await.ok();
    }
}

impl Drop for Websocket {
    fn drop(&mut self) {
        // After `close`, the task ends by itself, once the other side has had its messages.
        if self.orders.try_send(Order::Close(1000)).is_err() {
            self.task.abort();
        }
    }
}

fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

fn envelope(call_sid: Uuid, msgid: &str, message: Outgoing<'_>) -> String {
    let mut envelope = Map::new();
    envelope.insert("type".into(), message.kind.into());
    envelope.insert("msgid".into(), msgid.into());
    envelope.insert("call_sid".into(), call_sid.to_string().into());
    if let Some(hook) = message.hook {
        envelope.insert("hook".into(), hook.into());
    }
    envelope.insert("data".into(), Value::Object(message.data));
    Value::Object(envelope).to_string()
}

/// How a socket ended.
enum End {
    /// By us.
    Ours,
    /// By the application, with nothing more to say.
    Normal,
    /// Otherwise.
    Broken,
}

struct Connection {
    endpoint: Endpoint,
    orders: mpsc::Receiver<Order>,
    acks: Acks,
    known: watch::Sender<bool>,
}

impl Connection {
    /// `socket`: `None` where a gateway before this one had it.
    async fn run(mut self, mut socket: Option<Socket>) {
        let mut connections = 1;
        loop {
            let again = match socket.take() {
                Some(mut socket) => match self.serve(&mut socket).await {
                    End::Ours => return,
                    End::Normal => {
                        self.endpoint.incoming.send(Incoming::Closed).await.ok();
                        return;
                    }
                    End::Broken => self.reconnect(&mut connections).await,
                },
                None => match self.endpoint.open().await {
                    Ok(socket) => Some(socket),
                    Err(error) => {
                        tracing::debug!(call_sid = %self.endpoint.call_sid, %error, "the application does not take its call back yet");
                        self.reconnect(&mut connections).await
                    }
                },
            };
            let Some(mut again) = again else { return self.is_lost().await };
            if !self.resume(&mut again).await {
                return self.is_lost().await;
            }
            tracing::info!(call_sid = %self.endpoint.call_sid, "the application is connected again");
            self.known.send_replace(true);
            socket = Some(again);
        }
    }

    async fn is_lost(&self) {
        // The session may have gone on to another application meanwhile.
        if !self.orders.is_closed() {
            self.endpoint.incoming.send(Incoming::Lost).await.ok();
        }
    }

    async fn reconnect(&self, connections: &mut usize) -> Option<Socket> {
        let mut wait = Duration::from_millis(500);
        while *connections < MOST_CONNECTIONS + 1 {
            tracing::warn!(call_sid = %self.endpoint.call_sid, "the connection to the application broke; again in {wait:?}");
            tokio::time::sleep(wait).await;
            *connections += 1;
            match self.endpoint.open().await {
                Ok(socket) => return Some(socket),
                Err(error) => tracing::debug!(call_sid = %self.endpoint.call_sid, %error, "not yet"),
            }
            wait = if wait < Duration::from_secs(2) { wait * 2 } else { wait + Duration::from_secs(2) };
        }
        None
    }

    /// Tells the application which call this is, and waits for its word; everything else waits meanwhile.
    async fn resume(&mut self, socket: &mut Socket) -> bool {
        let id = new_id();
        let message = Outgoing { kind: "session:reconnect", hook: None, data: self.endpoint.session.clone() };
        if socket.send(Message::text(envelope(self.endpoint.call_sid, &id, message))).await.is_err() {
            return false;
        }
        let acknowledged = async {
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message
                    && let Ok(Value::Object(ack)) = serde_json::from_str::<Value>(&text)
                    && ack.get("type").and_then(Value::as_str) == Some("ack")
                {
                    let ours = ack.get("msgid").and_then(Value::as_str) == Some(&id);
                    self.acknowledge(&ack, ours);
                    if ours {
                        return true;
                    }
                }
            }
            false
        };
        timeout(ACK, acknowledged).await.unwrap_or(false)
    }

    /// `first`: it is an answer to `session:reconnect`, and so to a `session:new` that nobody has answered.
    fn acknowledge(&self, ack: &Map<String, Value>, first: bool) {
        let mut acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ack.get("msgid").and_then(Value::as_str).unwrap_or_default();
        let data = ack.get("data").cloned();
        let first = acks.first.clone().filter(|_| first);
        match acks.by_id.remove(id).or_else(|| acks.by_id.remove(&first?)) {
            Some(waiting) => {
                waiting.send(data).ok();
            }
            // The official SDK acknowledges some messages twice.
            None => tracing::debug!(call_sid = %self.endpoint.call_sid, id, "an acknowledgement of nothing that waits"),
        }
    }

    async fn serve(&mut self, socket: &mut Socket) -> End {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Send(text)) => {
                        if socket.send(Message::text(text)).await.is_err() {
                            return End::Broken;
                        }
                    }
                    Some(Order::Close(code)) => {
                        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
                        let closing = async {
                            socket.close(Some(frame)).await.ok();
                            while let Some(Ok(_)) = socket.next().await {}
                        };
                        timeout(Duration::from_secs(2), closing).await.ok();
                        return End::Ours;
                    }
                    None => return End::Ours,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if let Some(error) = self.take(&text) {
                            let message = Outgoing { kind: "jambonz:error", hook: None, data: error };
                            let text = envelope(self.endpoint.call_sid, &new_id(), message);
                            if socket.send(Message::text(text)).await.is_err() {
                                return End::Broken;
                            }
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let normal = frame.is_some_and(|frame| frame.code == CloseCode::Normal);
                        // What closes the other half is sent by reading on.
                        while let Some(Ok(_)) = socket.next().await {}
                        return if normal { End::Normal } else { End::Broken };
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::warn!(call_sid = %self.endpoint.call_sid, %error, "the application's message is not taken");
                        return End::Broken;
                    }
                    None => return End::Broken,
                },
            }
        }
    }

    /// A message of the application. What is wrong with it, if anything is.
    fn take(&self, text: &str) -> Option<Map<String, Value>> {
        let message = match Incoming::parse(text) {
            Ok(message) => message,
            Err(error) => return Some(invalid(&error, text)),
        };
        match message {
            Incoming::Ack(ack) => {
                self.acknowledge(&ack, false);
                None
            }
            message => match self.endpoint.incoming.try_send(message) {
                Ok(()) => None,
                Err(_) => Some(invalid("too many commands at once: this one is not carried out", text)),
            },
        }
    }
}

fn invalid(details: &str, content: &str) -> Map<String, Value> {
    let content: String = content.chars().take(1000).collect();
    let Value::Object(error) = json!({"msg": "InvalidMessage", "details": details, "content": content}) else {
        return Map::new();
    };
    error
}
