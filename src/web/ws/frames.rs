//! Control frames of the WebSocket protocol, from a server: not masked (RFC 6455, 5.5).

use bytes::Bytes;

/// The longest payload of a control frame.
const MAX_PAYLOAD: usize = 125;

/// A ping without payload.
pub fn ping() -> Bytes {
    Bytes::from_static(&[0x89, 0])
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Bytes {
    control(0x8a, &payload[..payload.len().min(MAX_PAYLOAD)])
}

/// A close with a code and a reason.
pub fn close(code: u16, reason: &str) -> Bytes {
    // These codes are for people to see, never for the wire (RFC 6455, 7.4.1).
    let code = match code {
        1004..=1006 | 1015 | 0..=999 => 1000,
        code => code,
    };
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.len().min(MAX_PAYLOAD - 2)]);
    control(0x88, &payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = vec![opcode, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame.into()
}
