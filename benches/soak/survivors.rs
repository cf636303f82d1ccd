//! Clients that live through restarts of the server: each comes back with the last position it has, as long after it was
//! told as it was told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{io::AsyncReadExt as _, time::sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    clients::{ALL, ask_after},
    tally::{Sse, Tally, frame},
};

/// A client at its end, after the second mark.
#[derive(Debug, Default)]
pub struct Survivor {
    pub tally: Tally,
    /// When the first event of each life of the server came.
    pub back_at: Vec<Instant>,
    /// Attempts to connect that nobody answered, or not with a stream.
    pub in_vain: usize,
}

/// How many clients have seen an event of the present life, all lives counted.
pub type Arrivals = Arc<AtomicUsize>;

impl Survivor {
    /// After each piece: whether it has come to another life with it.
    fn look(&mut self, boot: &mut u64, arrivals: &Arrivals) {
        if self.tally.boot != *boot && self.tally.has_event() {
            *boot = self.tally.boot;
            self.back_at.push(Instant::now());
            arrivals.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for as long as it was told.
    async fn wait(&self) {
        sleep(Duration::from_millis(self.tally.retry)).await;
    }
}

/// Everything, over SSE.
pub async fn stream(address: String, arrivals: Arrivals) -> Survivor {
    let mut own = Survivor::default();
    let mut boot = 0;
    let mut piece = vec![0; 32 << 10];
    while !own.tally.is_complete() {
        let before = own.back_at.len();
        if let Some(mut socket) = ask_after(&address, ALL, &own.tally.position, false).await {
            let mut sse = Sse::default();
            while !own.tally.is_complete()
                && let Ok(length @ 1..) = socket.read(&mut piece).await
            {
                sse.feed(&piece[..length], &mut own.tally, |_| {});
                own.look(&mut boot, &arrivals);
            }
        }
        own.in_vain += usize::from(own.back_at.len() == before);
        if !own.tally.is_complete() {
            own.wait().await;
        }
    }
    own
}

/// Everything, over a WebSocket.
pub async fn socket(address: String, arrivals: Arrivals) -> Survivor {
    let mut own = Survivor::default();
    let mut boot = 0;
    while !own.tally.is_complete() {
        let before = own.back_at.len();
        let connected = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await;
        if let Ok((mut socket, _)) = connected {
            let since = match own.tally.position.as_str() {
                "" => "latest",
                position => position,
            };
            let subscribe = format!(
                r#"{{"type":"subscribe","topics":["metrics","alerts","activity"],"since":"{since}"}}"#
            );
            // If that cannot be sent, nothing comes either.
            let _ = socket.send(Message::text(subscribe)).await;
            while !own.tally.is_complete()
                && let Some(Ok(message)) = socket.next().await
            {
                if let Message::Text(text) = message {
                    frame(&text, &mut own.tally);
                    own.look(&mut boot, &arrivals);
                }
            }
        }
        own.in_vain += usize::from(own.back_at.len() == before);
        if !own.tally.is_complete() {
            own.wait().await;
        }
    }
    own
}
