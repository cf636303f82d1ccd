//! The channels by which people are told, and the ledger of what they were told.

use askama::Template;

use super::{
    shell::Shell,
    view::{Moment, State},
};

/// A channel, and how it does.
#[derive(Debug, Clone)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// What it is: `webhook`.
    pub kind: &'static str,
    /// Whether it is used.
    pub enabled: bool,
    /// How it stands.
    pub state: State,
    /// And in a word.
    pub word: &'static str,
    /// Messages that wait.
    pub waiting: usize,
    /// Messages it took since the start of the server.
    pub sent: u64,
    /// Messages it did not take and never will.
    pub failed: u64,
    /// When it was tried last, and what it answered.
    pub last: Option<(Moment, String)>,
    /// When it is tried again, if it is.
    pub again: Option<Moment>,
}

/// A message to people.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: Moment,
    /// To whom.
    pub channel: String,
    /// What it says, in a line.
    pub title: String,
    /// The page of what it tells of: an alert, or all of them; none where that is nothing.
    pub link: Option<String>,
    /// Somebody tried the channel.
    pub test: bool,
    /// How it stands, for its colour and shape.
    pub state: State,
    /// And in a word.
    pub word: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// What was said of it last.
    pub answer: String,
    /// When it is tried again, if it is.
    pub again: Option<Moment>,
}

/// The channels as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/channels.html")]
pub struct ChannelsFragment<'a> {
    /// The channels.
    pub channels: &'a [ChannelView],
}

/// The ledger as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/ledger.html")]
pub struct LedgerFragment<'a> {
    /// The newest messages, newest first.
    pub ledger: &'a [MessageView],
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/channels.html")]
pub struct ChannelsPage {
    /// The frame.
    pub shell: Shell,
    /// The channels.
    pub channels: Vec<ChannelView>,
    /// The newest messages, newest first.
    pub ledger: Vec<MessageView>,
}
