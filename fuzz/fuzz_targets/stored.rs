//! What is read from the disk: heads of blocks, rows of the journal, columns. The first byte says which; a checksum is put
//! behind it, so that what a fault of a disk would not get past is looked at too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire::store::{
    block::Head,
    bytes::seal,
    column::{Decoder, Encoder},
    journal::Row,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => {
            if let Ok(head) = Head::parse(&seal(content.to_vec())) {
                let parts = [seal(content.to_vec())];
                let mut parts = &parts[..];
                for group in head.groups.iter().take(4) {
                    let _ = head.whole_numbers(&mut parts, group, 0);
                    for at in 0..group.series.len().min(4) {
                        if let Ok(values) = head.values(&mut parts, group, at, 0) {
                            assert_eq!(values.len(), group.rows);
                        }
                    }
                }
            }
        }
        1 => {
            if let Ok(row) = Row::parse(&seal(content.to_vec())) {
                for batch in row.batches {
                    assert_eq!(batch.values.len(), row.layouts[batch.layout].len());
                }
            }
        }
        _ => {
            let Ok(decoder) = Decoder::new(&Encoder::default().header()) else {
                return;
            };
            let rows = content.first().map_or(0, |rows| usize::from(*rows));
            let column = content.get(1..).unwrap_or_default();
            for values in [
                decoder.values(column, rows).map(|values| values.len()),
                decoder
                    .whole_numbers(column, rows)
                    .map(|values| values.len()),
                decoder
                    .values_beside(column, column, rows)
                    .map(|values| values.len()),
            ] {
                assert!(values.is_err() || values == Ok(rows));
            }
        }
    }
});
