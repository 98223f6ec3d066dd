//! How the REST interface is served: so that no client, however slow, keeps it from the others.
//!
//! Each connection takes one of a number of places, and loses it when it is slow: in saying what it wants, or in reading what it is told.

use axum::Router;
use axum_server::{
    Handle,
    accept::Accept,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use std::{
    future::{Future, Ready, ready},
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready as done},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep, timeout},
};

/// How long a client may take to say which request it makes; so long, too, a connection without a request is kept.
const HEAD: Duration = Duration::from_secs(10);
/// How long nothing at all may come or go. The longest answer takes half of it, and in streams of events something comes as often.
const SILENT: Duration = Duration::from_secs(30);
/// How long a client that is refused may take to read that.
const REFUSED: Duration = Duration::from_secs(1);
/// How long requests may go on when the gateway is told to end.
const LAST: Duration = Duration::from_secs(5);

/// Serves until the handle says that it is over. `most`: connections at once.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<RustlsConfig>,
    most: usize,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let places = Places { free: Arc::new(Semaphore::new(most)), most, tls: tls.is_some() };
    let service = router.into_make_service();
    let server = axum_server::from_tcp(listener)?.handle(handle);
    match tls {
        Some(tls) => {
            let mut server = server.acceptor(RustlsAcceptor::new(tls).acceptor(places));
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
            server.serve(service).await
        }
        None => {
            // Without TLS no client asks for HTTP/2, and nothing has to be read before it is known which it is.
            let mut server = server.acceptor(places).http1_only();
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
            server.serve(service).await
        }
    }
}

/// Takes no more requests; those that are made may go on for a while.
pub fn end(handle: &Handle<SocketAddr>) {
    handle.graceful_shutdown(Some(LAST));
}

/// The places for connections.
#[derive(Clone)]
struct Places {
    free: Arc<Semaphore>,
    most: usize,
    tls: bool,
}

impl<S> Accept<TcpStream, S> for Places {
    type Stream = Placed;
    type Service = S;
    type Future = Ready<io::Result<(Placed, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        stream.set_nodelay(true).ok();
        let Ok(place) = self.free.clone().try_acquire_owned() else {
            tracing::warn!(
                "{} connections to the REST interface are open, as many as most_connections allows",
                self.most
            );
            if !self.tls {
                tokio::spawn(timeout(REFUSED, refuse(stream, self.most)));
            }
            return ready(Err(io::Error::other("too many connections")));
        };
        let silent = Box::pin(sleep(SILENT));
        ready(Ok((Placed { stream, silent, _place: place }, service)))
    }
}

/// Says why there is no answer, to a client that waits for one.
async fn refuse(mut stream: TcpStream, most: usize) {
    let body = format!("{{\"msg\":\"{most} connections are open, as many as the settings allow: try again later\"}}");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 10\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if stream.write_all(answer.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    // Closed with the request unread, the connection would take the answer back.
    let mut request = [0; 1024];
    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
}

/// A connection that has a place.
struct Placed {
    stream: TcpStream,
    silent: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Placed {
    /// Passes on what came of reading or writing. While there is nothing, silence is measured.
    fn heard<T>(&mut self, cx: &mut Context<'_>, heard: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if heard.is_ready() {
            self.silent.as_mut().reset(Instant::now() + SILENT);
            return heard;
        }
        done!(self.silent.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Placed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let read = Pin::new(&mut own.stream).poll_read(cx, into);
        own.heard(cx, read)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        let written = Pin::new(&mut own.stream).poll_write(cx, bytes);
        own.heard(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        let written = Pin::new(&mut own.stream).poll_write_vectored(cx, parts);
        own.heard(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
