//! Mail by SMTP. The id of the delivery is that of the mail, so a mail that comes twice is known as one.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Letter, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls as Wrapped, TlsParameters},
    },
};

use super::{Outcome, chain};
use crate::{
    config::notify::{Mail, Tls},
    notify::message::Message,
};

pub(super) async fn send(mail: &Mail, message: &Message<'_>, timeout: Duration) -> Outcome {
    let letter = match letter(mail, message) {
        Ok(letter) => letter,
        Err(why) => return Outcome::Never(why),
    };
    let tls = || TlsParameters::new(mail.server.clone());
    let wrapped = match mail.tls {
        Tls::None => Ok(Wrapped::None),
        Tls::StartTls => tls().map(Wrapped::Required),
        Tls::Always => tls().map(Wrapped::Wrapper),
    };
    let wrapped = match wrapped {
        Ok(wrapped) => wrapped,
        Err(error) => return Outcome::Never(chain(&error)),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.server)
        .port(mail.port)
        .tls(wrapped)
        .timeout(Some(timeout));
    if let (Some(user), Some(password)) = (&mail.user, &mail.password) {
        let password = password.reveal().to_owned();
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    match transport.build().send(letter).await {
        Ok(response) => {
            let said: Vec<&str> = response.message().collect();
            Outcome::Taken(format!("{}: {}", response.code(), said.join(" ")))
        }
        Err(error) if error.is_permanent() => Outcome::Never(chain(&error)),
        Err(error) => Outcome::Again(chain(&error), None),
    }
}

fn letter(mail: &Mail, message: &Message<'_>) -> Result<Letter, String> {
    let address = |text: &str| {
        let parsed = text.parse::<Mailbox>();
        parsed.map_err(|error| format!("{text:?} is no address of mail: {error}"))
    };
    let from = address(&mail.from)?;
    let domain = from.email.domain().to_owned();
    let mut letter = Letter::builder()
        .from(from)
        .subject(message.title())
        .message_id(Some(format!("<{}@{domain}>", message.delivery.id)))
        .header(ContentType::TEXT_PLAIN);
    for to in &mail.to {
        letter = letter.to(address(to)?);
    }
    letter
        .body(message.text())
        .map_err(|error| format!("the mail cannot be written: {error}"))
}
