//! The vocabulary: values that every room speaks, checked when they are made.
//!
//! Pure data. Nothing here knows tokio, actix or SQL, and nothing here reads a clock except
//! [`time::Clock`], which the application owns and hands out.

pub mod alert;
pub mod batch;
pub mod decimal;
pub mod delivery;
pub mod event;
pub mod glob;
pub mod name;
pub mod position;
pub mod process;
pub mod quantity;
pub mod rule;
pub mod secret;
pub mod series;
pub mod silence;
pub mod template;
pub mod time;
pub mod varint;

pub use alert::{AlertEvent, AlertState, Explanation, Person, Reason, SilencedBy, Transition};
pub use batch::{Batch, SourceId};
pub use delivery::{Attempt, Delivery, DeliveryEvent, DeliveryState, Notice, Telling};
pub use event::Activity;
pub use glob::{Glob, Globs};
pub use name::{HostName, InvalidName, LabelName, MetricName};
pub use position::{Epoch, Position, Seq};
pub use process::ProcessRow;
pub use rule::{
    Aggregate, Direction, Flapping, Guard, Level, Levels, NoData, NoDataPolicy, Notify, Repeat,
    Rule, Tags, Threshold,
};
pub use secret::Secret;
pub use series::{Kind, Labels, SeriesId, SeriesKey, SeriesSpec, Unit};
pub use silence::{Maintenance, Matcher, Schedule, Silence};
pub use template::Template;
pub use time::{Clock, Timestamp};
