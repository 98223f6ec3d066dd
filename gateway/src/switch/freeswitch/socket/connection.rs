//! A connection from FreeSWITCH's `socket`: which call it is for, and what that executes.

use crate::switch::freeswitch::read::is_id;
use freeswitch_esl_tokio::{
    EslClient, EslConnectOptions, EslEvent, EslEventStream, EslEventType, EslResponse, EventFormat,
};
use std::time::Duration;
use tokio::net::TcpStream;
use uuid::Uuid;

/// How long a connection may take to say which call it is for.
const GREETING: Duration = Duration::from_secs(5);

/// A connection that says which call it is for.
pub struct Connection {
    client: EslClient,
    events: EslEventStream,
    channel: EslResponse,
}

impl Connection {
    /// Asks a new connection for its call. `Err`: what is wrong with it.
    pub async fn greet(stream: TcpStream) -> Result<Self, String> {
        let options = EslConnectOptions::default().with_event_queue_size(64);
        let (client, events) = EslClient::accept_outbound_stream_with_options(stream, options);
        client.set_command_timeout(GREETING);
        let channel = client.connect_session().await.map_err(|error| error.to_string())?;
        let connection = Self { client, events, channel };
        let id = connection.id();
        if !is_id(id) {
            return Err(format!("it names no call, but {id:?}"));
        }
        if connection.header("Socket-Mode") != "async" || connection.header("Control") != "full" {
            return Err("the dialplan's `socket` has to have `async full` behind the address".into());
        }
        Ok(connection)
    }

    fn header(&self, name: &str) -> &str {
        self.channel.header(name).unwrap_or_default()
    }

    /// The call's id.
    pub fn id(&self) -> &str {
        self.header("Unique-ID")
    }

    /// The number that was called.
    pub fn number(&self) -> String {
        self.value("Channel-Destination-Number").or_else(|| self.value("Caller-Destination-Number")).unwrap_or_default()
    }

    /// The application that the dialplan names, if it does: behind the address, `127.0.0.1:8084/name`.
    pub fn application(&self) -> String {
        self.value("variable_socket_path").unwrap_or_default()
    }

    fn value(&self, name: &str) -> Option<String> {
        // The crate has decoded it: a caller may have sent what looks encoded.
        self.channel.header(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// From now on, the ends of what the call executes are told.
    pub(super) async fn follow(&self) -> Result<(), String> {
        let id = self.id();
        let told = async {
            self.client.filter_raw("Unique-ID", id).await?;
            self.client.subscribe_events(EventFormat::Plain, &[EslEventType::ChannelExecuteComplete]).await
        };
        told.await.map_err(|error| error.to_string())
    }

    /// Has the call execute an application. Its end; `None`: the connection broke.
    pub(super) async fn execute(&mut self, application: &str, arguments: &str) -> Option<EslEvent> {
        let id = Uuid::new_v4().to_string();
        let mut message = EslEvent::new();
        message.set_header("call-command", "execute");
        message.set_header("execute-app-name", application);
        message.set_header("execute-app-arg", arguments);
        message.set_header("event-uuid", id.as_str());
        self.client.sendmsg(None, message).await.ok()?.check().ok()?;
        loop {
            // Whatever cannot be read is no end of this.
            let Ok(event) = self.events.recv().await? else { continue };
            if event.is_event_type(EslEventType::ChannelExecuteComplete)
                && event.header_str("Application-UUID") == Some(&id)
            {
                return Some(event);
            }
        }
    }

    /// Headers of the request that began the call.
    pub(super) fn request_headers(&self) -> Vec<(String, String)> {
        let standard = [
            ("variable_sip_full_from", "from"),
            ("variable_sip_full_to", "to"),
            ("variable_sip_call_id", "call-id"),
            ("variable_sip_contact_uri", "contact"),
            ("variable_sip_user_agent", "user-agent"),
            ("variable_sip_P-Asserted-Identity", "p-asserted-identity"),
        ];
        let standard = standard.iter().map(|(variable, name)| ((*name).to_owned(), (*variable).to_owned()));
        let own = self.channel.headers().keys().filter_map(|key| {
            let name = key.strip_prefix("variable_sip_h_")?;
            (name.len() > 2 && name[..2].eq_ignore_ascii_case("x-")).then(|| (name.to_owned(), key.clone()))
        });
        let both = standard.chain(own.take(64));
        both.filter_map(|(name, variable)| Some((name, self.value(&variable)?))).collect()
    }
}
