//! The application of one call, however it is reached.

use super::{
    incoming::{AppError, Incoming},
    outbound::Outbound,
    verbs::{self, Hook},
    webhook,
    websocket::{self, Endpoint, Outgoing, Websocket},
};
use crate::settings::{Account, Application};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use url::Url;
use uuid::Uuid;

/// How the application is reached now.
enum Transport {
    Http(Url),
    Websocket(Websocket),
}

/// The application of one call.
pub struct App {
    application: Arc<Application>,
    credentials: webhook::Credentials,
    /// Its connections.
    pub outbound: Outbound,
    call_sid: Uuid,
    incoming: mpsc::Sender<Incoming>,
    transport: Mutex<Arc<Transport>>,
}

fn is_websocket(url: &Url) -> bool {
    matches!(url.scheme(), "ws" | "wss")
}

impl App {
    /// That of a call; not connected yet.
    pub fn new(
        application: Arc<Application>,
        account: &Account,
        outbound: Outbound,
        call_sid: Uuid,
        incoming: mpsc::Sender<Incoming>,
    ) -> Self {
        let basic = application.credentials.as_ref().map(|(user, password)| websocket::basic(user, password.reveal()));
        let credentials = webhook::Credentials { basic, secret: account.webhook_secret.clone() };
        let transport = Mutex::new(Arc::new(Transport::Http(application.call_hook.clone())));
        Self { application, credentials, outbound, call_sid, incoming, transport }
    }

    fn transport(&self) -> Arc<Transport> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn use_transport(&self, transport: Transport) {
        *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(transport);
    }

    /// Whether it can send commands: then a session without verbs waits for them.
    pub fn is_connected(&self) -> bool {
        matches!(*self.transport(), Transport::Websocket(_))
    }

    fn endpoint(&self, url: &Url, session: Map<String, Value>) -> Endpoint {
        let (basic, incoming) = (self.credentials.basic.as_deref(), self.incoming.clone());
        Endpoint::new(url, &self.outbound, basic, self.call_sid, session, incoming)
    }

    async fn connect(&self, url: &Url, session: Map<String, Value>) -> Result<(), AppError> {
        let socket = self.endpoint(url, session).connect().await?;
        self.use_transport(Transport::Websocket(socket));
        Ok(())
    }

    /// Tells it of a new call. Its answer: verbs, if all is well.
    pub async fn start(&self, session: Map<String, Value>) -> Result<Option<Value>, AppError> {
        let url = &self.application.call_hook;
        if !is_websocket(url) {
            let hook = Hook { url: url.to_string(), get: false };
            return webhook::ask(&self.outbound, &self.credentials, &hook, url.clone(), &session).await;
        }
        self.connect(url, session.clone()).await?;
        self.ask_socket(Outgoing { kind: "session:new", hook: None, data: session }).await
    }

    /// Tells it of a call that it has been told of before this gateway was restarted. `base`: where its hooks were. Nobody waits for that: the
    /// call is where it is, whether the application answers or not.
    pub fn resume(&self, base: &Url, session: Map<String, Value>) {
        let transport = if is_websocket(base) {
            Transport::Websocket(self.endpoint(base, session).connect_again())
        } else {
            Transport::Http(base.clone())
        };
        self.use_transport(transport);
    }

    /// Where its hooks are.
    pub fn base(&self) -> Url {
        match &*self.transport() {
            Transport::Http(url) => url.clone(),
            Transport::Websocket(socket) => socket.url.clone(),
        }
    }

    async fn ask_socket(&self, message: Outgoing<'_>) -> Result<Option<Value>, AppError> {
        match &*self.transport() {
            Transport::Websocket(socket) => socket.ask(message).await,
            Transport::Http(_) => Err(AppError::Closed),
        }
    }

    /// The address of a hook over HTTP; `None`: it goes over the application's socket.
    fn over_http(&self, hook: &Hook) -> Result<Option<Url>, AppError> {
        let absolute = Url::parse(&hook.url).ok();
        let transport = self.transport();
        let url = match (absolute, &*transport) {
            (Some(url), Transport::Websocket(_)) if is_websocket(&url) => return Ok(None),
            (Some(url), _) => url,
            (None, Transport::Websocket(_)) => return Ok(None),
            (None, Transport::Http(base)) => {
                // Scheme, host and port alone are the application's.
                base.join("/")
                    .and_then(|root| root.join(&hook.url))
                    .map_err(|error| AppError::Failed(format!("{}: {error}", hook.url)))?
            }
        };
        self.outbound.check(&url)?;
        Ok(Some(url))
    }

    /// Whether a hook may be asked. `Err`: why not.
    pub fn allows(&self, hook: &Hook) -> Result<(), AppError> {
        self.over_http(hook).map(drop)
    }

    /// Asks a hook. Its answer, where it has one.
    pub async fn ask(&self, hook: &Hook, data: Map<String, Value>) -> Result<Option<Value>, AppError> {
        match self.over_http(hook)? {
            Some(url) => {
                // Credentials are the application's own: over a socket, another address does not get them.
                let own = if self.is_connected() { None } else { self.credentials.basic.clone() };
                let credentials = webhook::Credentials { basic: own, secret: self.credentials.secret.clone() };
                webhook::ask(&self.outbound, &credentials, hook, url, &data).await
            }
            None => self.ask_socket(Outgoing { kind: "verb:hook", hook: Some(&hook.url), data }).await,
        }
    }

    /// Asks for other verbs; from now on hooks are there. `by_verb`: the verb `redirect` asks, and not a request for the call.
    pub async fn redirect(
        &self,
        hook: &Hook,
        by_verb: bool,
        data: Map<String, Value>,
        session: Map<String, Value>,
    ) -> Result<Option<Value>, AppError> {
        let absolute = Url::parse(&hook.url).ok();
        if let Some(url) = absolute.filter(is_websocket) {
            self.outbound.check(&url)?;
            let same = |own: &Url| {
                own.host_str() == url.host_str()
                    && own.port_or_known_default() == url.port_or_known_default()
                    && own.path() == url.path()
            };
            let from_socket = self.is_connected();
            if !(from_socket && same(&self.base())) {
                self.connect(&url, session.clone()).await?;
                // What an application's own verb or a socket leads to is told so; where a request leads from HTTP, a session begins.
                let goes_on = by_verb || from_socket;
                let (kind, data) = if goes_on { ("session:redirect", data) } else { ("session:new", session) };
                return self.ask_socket(Outgoing { kind, hook: Some(&hook.url), data }).await;
            }
        }
        match self.over_http(hook)? {
            Some(url) => {
                let answer = webhook::ask(&self.outbound, &self.credentials, hook, url.clone(), &data).await?;
                if !self.is_connected() {
                    self.use_transport(Transport::Http(url));
                }
                Ok(answer)
            }
            None => self.ask_socket(Outgoing { kind: "session:redirect", hook: Some(&hook.url), data }).await,
        }
    }

    /// Tells it of a call's state. Over HTTP nobody waits for that.
    pub async fn tell_status(&self, data: Map<String, Value>) {
        let url = self.application.call_status_hook.clone();
        let over_http = url.filter(|url| !is_websocket(url));
        match (&*self.transport(), over_http) {
            (_, Some(url)) => {
                let hook = Hook { url: url.to_string(), get: false };
                if let Err(error) = webhook::ask(&self.outbound, &self.credentials, &hook, url, &data).await {
                    tracing::warn!(call_sid = %self.call_sid, %error, "the call_status_hook has not answered");
                }
            }
            (Transport::Websocket(socket), None) => {
                socket.tell(Outgoing { kind: "call:status", hook: None, data }).await
            }
            (Transport::Http(_), None) => {}
        }
    }

    /// Tells it something that it does not acknowledge. Over HTTP there is no way to.
    pub async fn tell(&self, kind: &str, data: Map<String, Value>) {
        if let Transport::Websocket(socket) = &*self.transport() {
            socket.tell(Outgoing { kind, hook: None, data }).await;
        }
    }

    /// Ends the connection.
    pub async fn close(&self, code: u16) {
        if let Transport::Websocket(socket) = &*self.transport() {
            socket.close(code).await;
        }
    }
}

/// The verbs of an answer. `Err`: why there are none.
pub fn verbs_of(answer: Option<Value>) -> Result<Vec<Value>, String> {
    let verbs = verbs::list(&answer.unwrap_or(Value::Null))?;
    if verbs.is_empty() { Err("the application gave an empty list of verbs".into()) } else { Ok(verbs) }
}
