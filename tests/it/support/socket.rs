//! A client of the WebSocket.

use std::collections::VecDeque;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http},
};

use super::{Server, within};

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    /// The subprotocol that was agreed on; with that of CBOR, commands and frames are CBOR.
    pub protocol: Option<String>,
}

const CBOR: &str = "tickwire.v1.cbor";

impl Server {
    /// Opens `/ws`; its `hello` is the first frame.
    pub async fn socket(&self) -> Socket {
        Socket::open(self, "/ws", &[]).await.expect("a socket")
    }

    /// Likewise, with everything in CBOR.
    pub async fn cbor_socket(&self) -> Socket {
        self.socket_speaking(CBOR).await
    }

    /// Likewise, with an offer of subprotocols.
    pub async fn socket_speaking(&self, protocols: &str) -> Socket {
        let headers = [("sec-websocket-protocol", protocols)];
        Socket::open(self, "/ws", &headers).await.expect("a socket")
    }
}

impl Socket {
    /// Opens a socket with these headers beside those of the handshake.
    pub async fn open(
        server: &Server,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let url = server.url(path).replacen("http", "ws", 1);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().expect("a header's name");
            let value = value.parse().expect("a header's value");
            request.headers_mut().insert(name, value);
        }
        let opened = within("a socket", tokio_tungstenite::connect_async(request)).await;
        let (socket, response) = opened?;
        let protocol = response.headers().get("sec-websocket-protocol");
        Ok(Self {
            socket,
            waiting: VecDeque::new(),
            protocol: protocol.map(|p| p.to_str().expect("text").to_owned()),
        })
    }

    /// Opens a socket at a full address.
    pub async fn at(url: &str) -> Self {
        let opened = within("a socket", tokio_tungstenite::connect_async(url)).await;
        Self {
            socket: opened.expect("a socket").0,
            waiting: VecDeque::new(),
            protocol: None,
        }
    }

    /// Opens `/ws` through a small receive buffer, which a reader that waits has soon full.
    pub async fn narrow(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let connected = within("a connection", socket.connect(server.app.address())).await;
        let stream = MaybeTlsStream::Plain(connected.expect("a connection"));
        let opened = tokio_tungstenite::client_async("ws://localhost/ws", stream);
        Self {
            socket: within("a socket", opened).await.expect("a socket").0,
            waiting: VecDeque::new(),
            protocol: None,
        }
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        within("room to send", self.socket.send(message))
            .await
            .expect("an open socket");
    }

    /// Sends anything, unless the server has closed.
    pub async fn try_send(&mut self, message: Message) -> bool {
        within("room to send", self.socket.send(message))
            .await
            .is_ok()
    }

    /// Sends a command.
    pub async fn say(&mut self, command: Value) {
        let message = match self.protocol.as_deref() {
            Some(CBOR) => Message::binary(cbor(&command)),
            _ => Message::text(command.to_string()),
        };
        self.send(message).await;
    }

    /// The next message of any kind; `None` at the end.
    pub async fn message(&mut self) -> Option<Message> {
        within("a frame", self.socket.next()).await?.ok()
    }

    /// The object in a frame of the kind that was agreed on.
    fn object(&self, message: &Message) -> Option<Value> {
        match (message, self.protocol.as_deref()) {
            (Message::Binary(bytes), Some(CBOR)) => {
                Some(cbor4ii::serde::from_slice(bytes).expect("CBOR"))
            }
            (Message::Text(text), protocol) if protocol != Some(CBOR) => {
                Some(serde_json::from_str(text).expect("JSON"))
            }
            _ => None,
        }
    }

    /// The next frame with an object; the protocol's own are passed over.
    pub async fn next(&mut self) -> Value {
        if let Some(frame) = self.waiting.pop_front() {
            return frame;
        }
        self.arriving().await
    }

    async fn arriving(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if let Some(object) = message.as_ref().and_then(|m| self.object(m)) {
                return object;
            }
            match message {
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("an object was waited for, and there came {other:?}"),
            }
        }
    }

    /// The next frame with an object; `None` where the server closes, or the connection breaks off.
    pub async fn next_if_any(&mut self) -> Option<Value> {
        if let Some(frame) = self.waiting.pop_front() {
            return Some(frame);
        }
        loop {
            let message = self.message().await?;
            if let Some(object) = self.object(&message) {
                return Some(object);
            }
            if let Message::Close(_) = message {
                return None;
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub async fn frame(&mut self, kind: &str) -> Value {
        let search = async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind {
                    return frame;
                }
            }
        };
        within(kind, search).await
    }

    /// Sends a command and waits for the answer with its `id`; what is pushed meanwhile stays for [`Self::next`].
    pub async fn ask(&mut self, command: Value) -> Value {
        let id = command["id"].clone();
        assert!(!id.is_null(), "{command} needs an id");
        self.say(command).await;
        let search = async {
            loop {
                let frame = self.arriving().await;
                if frame["id"] == id {
                    return frame;
                }
                self.waiting.push_back(frame);
            }
        };
        within("an answer", search).await
    }

    /// Frames up to the server's close; they, and the close's code.
    pub async fn closed(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames: Vec<Value> = self.waiting.drain(..).collect();
        let search = async {
            loop {
                match self.message().await {
                    Some(Message::Close(reason)) => {
                        return (frames, reason.map(|reason| reason.code.into()));
                    }
                    Some(message) => frames.extend(self.object(&message)),
                    None => return (frames, None),
                }
            }
        };
        within("the close", search).await
    }
}

/// A command in CBOR, by a writer that is not the server's.
pub fn cbor(command: &Value) -> Vec<u8> {
    cbor4ii::serde::to_vec(Vec::new(), command).expect("CBOR")
}

/// The samples in a frame as name and value, in order.
pub fn samples(frame: &Value) -> Vec<(String, f64)> {
    let data = frame["data"].as_array().expect("a list");
    data.iter()
        .map(|sample| {
            let name = sample["name"].as_str().expect("a name").to_owned();
            (name, sample["value"].as_f64().expect("a value"))
        })
        .collect()
}
