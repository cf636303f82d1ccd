//! actix-web-lab: its `sse` over a `tokio::sync::broadcast`, on one worker.

use std::{
    convert::Infallible,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_web::{App, HttpResponse, HttpServer, Responder, rt, web};
use actix_web_lab::sse::{Data, Event, Sse};
use tokio::sync::broadcast::{self, Sender};
use tokio_stream::{StreamExt as _, wrappers::BroadcastStream};

static PUBLISHED: AtomicU64 = AtomicU64::new(0);

/// Serves until it is killed.
pub fn serve() -> ExitCode {
    super::ended(rt::System::new().block_on(run()))
}

async fn run() -> std::io::Result<()> {
    let (sender, _) = broadcast::channel::<Event>(super::CHANNEL);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(sender.clone()))
            .route("/events", web::get().to(events))
            .route("/publish", web::post().to(publish))
    });
    server
        .workers(1)
        .tcp_nodelay(true)
        .listen(super::listen()?)?
        .run()
        .await
}

async fn events(sender: web::Data<Sender<Event>>) -> impl Responder {
    let events = BroadcastStream::new(sender.subscribe());
    let events = events.filter_map(|event| event.ok().map(Ok::<_, Infallible>));
    Sse::from_stream(events).with_keep_alive(super::KEEP_ALIVE)
}

async fn publish(sender: web::Data<Sender<Event>>, body: String) -> HttpResponse {
    for data in body.lines() {
        let id = super::id(PUBLISHED.fetch_add(1, Ordering::Relaxed));
        let _ = sender.send(Data::new(data).event("metric").id(id).into());
    }
    HttpResponse::Ok().finish()
}
