//! The HTTP server: connections in, each with the routes of its worker.

use std::{io, net::SocketAddr, time::Duration};

use actix_http::{HttpService, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    App as WebApp,
    dev::AppConfig,
    middleware,
    rt::{self, net::TcpStream},
};
use actix_web_lab::middleware::CatchPanic;
use tokio_util::sync::CancellationToken;

use super::listener;
use crate::{
    config,
    stream::shard::Shard,
    web::{
        self,
        limits::{FAREWELLS, Limits},
        state::State,
        wire::{refusal, takeover::Io},
    },
};

/// How long HTTP may take to end what is under way, after the streams have been told.
const GRACE_SECONDS: u64 = 1;
/// An idle connection is closed after this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The head of a request must be complete by then.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that has been told goodbye is waited for this long.
const DISCONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Serves on `listener` until it is told to end; the workers' shards end with `stop`.
///
/// This is what actix-web's `HttpServer` does too, but for the kind of its connections: ours can be taken over.
pub fn serve(
    config: &config::Server,
    listener: std::net::TcpListener,
    state: &State,
    stop: &CancellationToken,
) -> io::Result<Server> {
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    let (state, stop) = (state.clone(), stop.clone());
    let connections = move || {
        let draining = state.stream().draining().clone();
        let shard = Shard::new(state.stream());
        rt::spawn(shard.clone().run(draining.clone(), stop.clone()));
        let app = WebApp::new()
            .app_data(state.clone())
            .app_data(shard)
            .configure(web::routes)
            .wrap(CatchPanic::default())
            .wrap(middleware::from_fn(web::entry::entry))
            .into_factory()
            .map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(REQUEST_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // A client that has closed its side has left.
            .h1_allow_half_closed(false)
            .graceful_shutdown_signal(move || draining.clone().cancelled_owned())
            .on_connect_ext(|io: &Io, data| io.introduce(data))
            .h1(map_config(app, |()| AppConfig::default()));
        let limits = state.limits().clone();
        fn_service(move |socket: TcpStream| accept(socket, limits.clone())).and_then(http)
    };
    let server = Server::build()
        .workers(workers)
        // Never reached: the limit is ours, since streams are no concern of this one's.
        .max_concurrent_connections(config.max_connections + FAREWELLS)
        .backlog(listener::BACKLOG)
        .disable_signals()
        .shutdown_timeout(GRACE_SECONDS)
        .listen("http", listener, connections)?;
    Ok(server.run())
}

/// A connection that has a place; the others are told why not, and closed.
async fn accept(
    socket: TcpStream,
    limits: Limits,
) -> Result<(Io, Option<SocketAddr>), DispatchError> {
    listener::tune(&socket);
    let peer = socket.peer_addr().ok();
    match limits.admit(peer.map(|peer| peer.ip())) {
        Ok(permit) => Ok((Io::new(socket, permit), peer)),
        Err(problem) => {
            refusal::refuse(socket, &problem, &limits).await;
            // Seen by nobody.
            Err(DispatchError::InternalError)
        }
    }
}
