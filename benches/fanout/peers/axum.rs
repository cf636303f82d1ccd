//! axum: its `Sse` over a `tokio::sync::broadcast`, on a runtime of one thread. An event is encoded once, when it is
//! published, and copied for each client.

use std::{
    convert::Infallible,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
    serve::ListenerExt as _,
};
use tokio::sync::broadcast::{self, Sender};
use tokio_stream::{Stream, StreamExt as _, wrappers::BroadcastStream};

static PUBLISHED: AtomicU64 = AtomicU64::new(0);

/// Serves until it is killed.
pub fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    super::ended(runtime.and_then(|runtime| runtime.block_on(run())))
}

async fn run() -> std::io::Result<()> {
    let (sender, _) = broadcast::channel::<Event>(super::CHANNEL);
    let app = Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish))
        .with_state(sender);
    let listener = tokio::net::TcpListener::from_std(super::listen()?)?.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

async fn events(
    State(sender): State<Sender<Event>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(sender.subscribe()).filter_map(|event| event.ok().map(Ok));
    Sse::new(events).keep_alive(KeepAlive::new().interval(super::KEEP_ALIVE))
}

async fn publish(State(sender): State<Sender<Event>>, body: String) {
    for data in body.lines() {
        let id = super::id(PUBLISHED.fetch_add(1, Ordering::Relaxed));
        let _ = sender.send(Event::default().event("metric").id(id).data(data));
    }
}
