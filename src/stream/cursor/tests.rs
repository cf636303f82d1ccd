use super::*;
use crate::{
    config,
    entry::{Entry, What},
    model::{Activity, Epoch},
    stream::{
        filter::{Filter, Topics},
        view::{Encoding, Shape, ViewSpec},
    },
};

fn line(number: Seq) -> Arc<Entry> {
    let activity = Activity::new("test", String::new(), Timestamp::default());
    Arc::new(Entry {
        first: number,
        last: number,
        received: Timestamp::default(),
        what: What::Activity {
            activity: Arc::new(activity),
            json: "x".repeat(2000).into(),
        },
    })
}

#[test]
fn a_turn_that_the_log_cannot_hold_is_told_to_those_who_keep_up() {
    let config = config::Stream {
        log_bytes: 64 << 10,
        ..config::Stream::default()
    };
    let epoch = Epoch { boot: 1, suffix: 0 };
    let stream = Stream::new(&config, epoch, Vec::new(), None, Default::default());
    let spec = ViewSpec {
        topics: Topics::all(),
        filter: Filter::default(),
        shape: Shape::default(),
        period: Duration::ZERO,
        encoding: Encoding::Sse,
    };
    let view = stream.views().get(spec, None).unwrap();
    let start = Start::after(0);
    let mut cursor = Cursor::new(&stream, view, start, None, None);
    let now = Timestamp::default();
    assert!(matches!(cursor.step(&stream, now), Step::Wait { .. }));
    assert!(cursor.is_live());
    stream.publish((1..=10).map(line).collect());
    let step = cursor.step(&stream, now);
    assert!(
        matches!(step, Step::Reset(ResetReason::Evicted)),
        "{step:?}"
    );
    let left = cursor.position(&stream).seq;
    assert!(left > 0);
    assert!(matches!(cursor.step(&stream, now), Step::Send(_)));
    assert_eq!(
        (cursor.position(&stream).seq, cursor.take_events()),
        (10, 10 - left)
    );
}
