//! Hooks by HTTP, signed.

use super::{
    incoming::AppError,
    javascript,
    outbound::Outbound,
    retries::{Fault, Retries},
    verbs::Hook,
};
use crate::settings::Secret;
use hmac::{Hmac, Mac};
use reqwest::{
    Client, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Map, Value};
use sha2::Sha256;
use url::Url;

/// The longest answer, in bytes.
const MOST_ANSWER: usize = 256 * 1024;

/// `t=<seconds>,v1=<HMAC-SHA256 of "t.body">`
pub fn signature(secret: &Secret, seconds: i64, body: &str) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// How the application knows us.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// `Basic ...`
    pub basic: Option<String>,
    /// The account's webhook secret.
    pub secret: Option<Secret>,
}

/// Asks a hook, again where its address says so. The answer's JSON, where it has some.
pub async fn ask(
    outbound: &Outbound,
    credentials: &Credentials,
    hook: &Hook,
    url: Url,
    payload: &Map<String, Value>,
) -> Result<Option<Value>, AppError> {
    let client = outbound.http(&url)?;
    let retries = Retries::of(&url, 0);
    let mut tried_again = 0;
    loop {
        let (fault, error) = match ask_once(client, credentials, hook, &url, payload).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        let Some(wait) = retries.wait(tried_again, fault) else { return Err(error) };
        tracing::debug!(%error, "the application is asked again in {wait:?}");
        tried_again += 1;
        tokio::time::sleep(wait).await;
    }
}

async fn ask_once(
    client: &Client,
    credentials: &Credentials,
    hook: &Hook,
    url: &Url,
    payload: &Map<String, Value>,
) -> Result<Option<Value>, (Fault, AppError)> {
    let body = javascript::stringify(&Value::Object(payload.clone()));
    let method = if hook.get { Method::GET } else { Method::POST };
    let mut request = client.request(method, url.clone());
    if let Some(secret) = &credentials.secret {
        request = request.header("Jambonz-Signature", signature(secret, jiff::Timestamp::now().as_second(), &body));
    }
    if let Some(basic) = &credentials.basic {
        request = request.header(AUTHORIZATION, basic);
    }
    if !hook.get {
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    let failed = |fault, why: String| (fault, AppError::Failed(format!("{url}: {why}")));
    let response = request.send().await.map_err(|error| failed(fault(&error), cause(&error)))?;
    if ![200, 202, 204].contains(&response.status().as_u16()) {
        let status = response.status();
        return Err(failed(Fault::Status(status.as_u16()), format!("it answered {status}")));
    }
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("application/json"));
    let answer = read(response).await.map_err(|why| failed(Fault::Other, why))?;
    if !is_json || answer.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&answer)
        .map(Some)
        .map_err(|error| failed(Fault::Other, format!("its answer is no JSON: {error}")))
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| cause(&error))? {
        if answer.len() + part.len() > MOST_ANSWER {
            return Err(format!("its answer is longer than {MOST_ANSWER} bytes"));
        }
        answer.extend_from_slice(&part);
    }
    Ok(answer)
}

fn fault(error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return if error.is_connect() { Fault::Connection } else { Fault::Timeout };
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<std::io::Error>() {
            return Fault::of_io(error);
        }
        cause = inner.source();
    }
    Fault::Other
}

/// The innermost reason: what comes around it names the address once more.
pub fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in 10 s".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
