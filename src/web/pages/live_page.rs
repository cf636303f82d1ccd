//! Which pages live: their names, addresses and streams.

use super::shell::{host_url, stream_url};
use crate::{model::HostName, web::problem::Problem};

/// The pages that live.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LivePage {
    /// All hosts.
    Overview,
    /// One host.
    Host(HostName),
    /// Alerts, open and over.
    Alerts,
    /// Rules.
    Rules,
    /// Silences.
    Silences,
    /// Channels and the ledger.
    Channels,
    /// Sources.
    Sources,
    /// The program about itself.
    Status,
}

impl LivePage {
    /// The page's name in addresses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Host(_) => "host",
            Self::Alerts => "alerts",
            Self::Rules => "rules",
            Self::Silences => "silences",
            Self::Channels => "channels",
            Self::Sources => "sources",
            Self::Status => "status",
        }
    }

    /// Its address.
    pub fn path(&self) -> String {
        match self {
            Self::Overview => "/".to_owned(),
            Self::Host(host) => host_url(host.as_str()),
            _ => format!("/{}", self.name()),
        }
    }

    /// The address of its stream.
    pub fn stream(&self) -> String {
        let host = self.host().map_or("", HostName::as_str);
        stream_url(self.name(), host, &[])
    }

    /// The host it is about.
    pub fn host(&self) -> Option<&HostName> {
        match self {
            Self::Host(host) => Some(host),
            _ => None,
        }
    }

    /// Its name and host as its stream's address gives them.
    pub fn parse(name: &str, host: Option<&str>) -> Result<Self, Problem> {
        match name {
            "overview" => Ok(Self::Overview),
            "alerts" => Ok(Self::Alerts),
            "rules" => Ok(Self::Rules),
            "silences" => Ok(Self::Silences),
            "channels" => Ok(Self::Channels),
            "sources" => Ok(Self::Sources),
            "status" => Ok(Self::Status),
            "host" => {
                let host = host.unwrap_or_default();
                let parsed = HostName::parse(host);
                parsed
                    .map(Self::Host)
                    .map_err(|_| Problem::parameter("host", host, "the name of a host"))
            }
            other => Err(Problem::parameter(
                "page",
                other,
                "overview, host, alerts, alert, rules, silences, channels, history, sources, status or frame",
            )),
        }
    }
}
