//! A program with arguments: never a shell, so nothing in a message can be a command. It finds the message as JSON on its
//! standard input, and the beginning of what it prints is its answer.

use std::{process::Stdio, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use super::Outcome;
use crate::{
    model::{Attempt, Template},
    notify::message::Message,
};

/// How long its output is listened to after it has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

pub(super) async fn run(arguments: &[Template], message: &Message<'_>) -> Outcome {
    let arguments: Vec<String> = arguments.iter().map(|a| message.render(a)).collect();
    let Some((program, arguments)) = arguments.split_first() else {
        return Outcome::Never("there is no program to run".to_owned());
    };
    let child = Command::new(program)
        .args(arguments)
        .env("TICKWIRE_DELIVERY", message.delivery.id.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // When its time is up.
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Outcome::Again(format!("cannot run {program}: {error}"), None),
    };
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let tell = async {
        if let Some(mut input) = input {
            // It need not read it.
            let _ = input.write_all(message.json().to_string().as_bytes()).await;
        }
    };
    let said = Mutex::new(Vec::new());
    let talk = async {
        tokio::join!(tell, listen(output, &said), listen(errors, &said));
    };
    tokio::pin!(talk);
    // What it leaves behind may keep its output open: it is over when it has ended, and has had a moment for its last words.
    let status = tokio::select! {
        status = child.wait() => {
            let _ = tokio::time::timeout(LAST_WORDS, &mut talk).await;
            status
        }
        () = &mut talk => child.wait().await,
    };
    let said = said.lock().clone();
    match status {
        Ok(status) => {
            let how = match status.code() {
                Some(0) => "done".to_owned(),
                Some(code) => format!("ended with {code}"),
                None => status.to_string(),
            };
            let said = String::from_utf8_lossy(&said);
            let said = match said.trim() {
                "" => how,
                said => format!("{how}: {said}"),
            };
            match status.success() {
                true => Outcome::Taken(said),
                false => Outcome::Again(said, None),
            }
        }
        Err(error) => Outcome::Again(format!("{program}: {error}"), None),
    }
}

/// Keeps the first of what it prints; the rest is read, so that it is not held up, and let go.
async fn listen(output: Option<impl AsyncRead + Unpin>, said: &Mutex<Vec<u8>>) {
    let Some(mut output) = output else { return };
    let mut bytes = [0; 1024];
    while let Ok(read @ 1..) = output.read(&mut bytes).await {
        let mut said = said.lock();
        let room = (4 * Attempt::MAX_ANSWER).saturating_sub(said.len());
        said.extend_from_slice(&bytes[..read.min(room)]);
    }
}
