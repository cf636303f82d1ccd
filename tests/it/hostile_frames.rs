//! Frames that are none, or have no end: the socket is closed with the right code, at once, and keeps nothing.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    Server,
    process::Process,
    raw::{asked, frame, handshake},
    within,
};

const SOCKETS: &str = "tickwire_clients{kind=\"websocket\"}";

/// The code of the close that the server sends; `None` if it breaks off without.
async fn code(socket: &mut TcpStream) -> Option<u16> {
    loop {
        let mut head = [0; 2];
        within("a frame", socket.read_exact(&mut head)).await.ok()?;
        let length = match head[1] {
            126 => usize::from(socket.read_u16().await.ok()?),
            127 => socket.read_u64().await.ok()? as usize,
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        within("a payload", socket.read_exact(&mut payload))
            .await
            .ok()?;
        if head[0] == 0x88 {
            return Some(u16::from_be_bytes([payload[0], payload[1]]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_closes_with_its_code() {
    let server = Server::start().await;
    let unmasked = vec![0x81, 2, b'{', b'}'];
    let text = |payload: &[u8]| frame(0x81, payload);
    let declares = |first: u8, length: u64| {
        let mut head = vec![first, 0xff];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        head
    };
    let faults: Vec<(&str, Vec<u8>, u16)> = vec![
        ("not masked", unmasked, 1002),
        ("reserved bits", frame(0xc1, b"{}"), 1002),
        ("a reserved opcode", frame(0x83, b"{}"), 1002),
        ("a reserved control opcode", frame(0x8b, b""), 1002),
        ("a ping in pieces", frame(0x09, b""), 1002),
        (
            "a ping too long",
            [vec![0x89, 0xfe, 0, 126], vec![0; 130]].concat(),
            1002,
        ),
        ("a piece of nothing", frame(0x80, b"{}"), 1002),
        (
            "a text within a text",
            [frame(0x01, b"{"), text(b"{}")].concat(),
            1002,
        ),
        (
            "a first piece twice",
            [frame(0x01, b"{"), frame(0x01, b"{")].concat(),
            1002,
        ),
        ("a text that is none", text(&[0xff, 0xfe]), 1007),
        ("a frame of 1 GiB", declares(0x81, 1 << 30), 1009),
        ("a frame of 2^63", declares(0x82, 1 << 63), 1009),
    ];
    for path in ["/ws", "/ws/echo"] {
        for (what, bytes, expected) in &faults {
            // The echo gives pieces back as they come.
            if path == "/ws/echo" && what.starts_with("a text within") {
                continue;
            }
            let mut socket = asked(server.app.address(), &handshake(path)).await;
            // What comes before the fault is still answered, also if it comes in one piece with it.
            let both = [&frame(0x89, b"hi")[..], bytes].concat();
            socket.write_all(&both).await.unwrap();
            assert_eq!(code(&mut socket).await, Some(*expected), "{path}: {what}");
        }
    }
    server.until_zero(SOCKETS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_with_the_handshake_are_not_lost() {
    let server = Server::start().await;
    let mut socket = TcpStream::connect(server.app.address()).await.unwrap();
    let mut early = handshake("/ws").into_bytes();
    for _ in 0..3 {
        early.extend(frame(0x81, br#"{"type":"ping","id":"early"}"#));
    }
    // One frame is cut in the middle by the end of the first piece.
    let late = early.split_off(early.len() - 10);
    socket.write_all(&early).await.unwrap();
    let mut seen = Vec::new();
    let mut late = Some(late);
    let answered = async {
        let count = |seen: &[u8]| seen.windows(7).filter(|w| w == b"\"early\"").count();
        while count(&seen) < 3 {
            let mut piece = [0; 4096];
            let n = socket.read(&mut piece).await.unwrap();
            assert!(n > 0, "it goes on");
            seen.extend_from_slice(&piece[..n]);
            if count(&seen) == 2
                && let Some(late) = late.take()
            {
                socket.write_all(&late).await.unwrap();
            }
        }
    };
    within("three pongs", answered).await;
}

/// Sends the same again and again, and never reads, until the server breaks off.
async fn flood(process: &Process, opening: &[u8], again: &[u8]) {
    let mut socket = asked(process.address, &handshake("/ws")).await;
    socket.write_all(opening).await.unwrap();
    let mut piece = again.repeat(1 + (32 << 10) / again.len());
    piece.truncate(piece.len() / again.len() * again.len());
    let sending = async { while socket.write_all(&piece).await.is_ok() {} };
    within("the server to break off", sending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_cut_off_and_cost_no_memory_and_the_others_do_not_notice() {
    let process = Process::start("[stream]\nstall_timeout = \"1s\"").await;
    let mut other = process.stream("/api/events/metrics").await;
    for value in 0..100 {
        process.sample("m", value).await;
    }
    let before = process.peak();
    let command = frame(0x81, br#"{"type":"request_metrics"}"#);
    let giant = [&[0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0][..], &[0; 4]].concat();
    let floods: [(&str, Vec<u8>, Vec<u8>); 6] = [
        ("a giant frame", giant, vec![0; 4096]),
        ("empty pieces", frame(0x01, b""), frame(0x00, b"")),
        ("pieces of a byte", frame(0x01, b"x"), frame(0x00, b"x")),
        ("pings", Vec::new(), frame(0x89, b"x")),
        ("pongs", Vec::new(), frame(0x8a, b"")),
        ("commands", Vec::new(), command),
    ];
    for (what, opening, again) in &floods {
        let cpu = process.cpu_seconds();
        flood(&process, opening, again).await;
        process.until_zero(SOCKETS).await;
        let cpu = process.cpu_seconds() - cpu;
        let grown = (process.peak() - before) >> 20;
        println!("{what}: {cpu:.2} s of a core, {grown} MiB more at the most than before");
        assert!(grown < 16, "{what}: {grown} MiB");
        assert!(cpu < 5.0, "{what}: {cpu} s");
        process.sample("m", 1).await;
        other.event("metric").await;
    }
}
