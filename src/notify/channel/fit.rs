//! Texts that are no longer than a receiver takes: escaped first, then cut, and never within an escape.

use std::borrow::Cow;

/// What stands where something was cut off.
const CUT: &str = "…";

/// Joins pieces, each of which stays whole, up to `most` as `measure` counts. Where there is no room for all of them an ellipsis ends
/// the text, within the same bound.
pub(super) fn fit<'a>(
    pieces: impl IntoIterator<Item = Cow<'a, str>>,
    most: usize,
    measure: fn(&str) -> usize,
) -> String {
    let before_cut = most - measure(CUT);
    let mut text = String::new();
    let mut taken = 0;
    // So much of the text leaves room for the ellipsis.
    let mut kept = 0;
    for piece in pieces {
        taken += measure(&piece);
        if taken > most {
            text.truncate(kept);
            text.push_str(CUT);
            return text;
        }
        text.push_str(&piece);
        if taken <= before_cut {
            kept = text.len();
        }
    }
    text
}

/// Whether [`fit`] has, or may have, cut this.
pub(super) fn is_cut(text: &str) -> bool {
    text.ends_with(CUT)
}

/// The characters of a text as pieces.
pub(super) fn characters(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    each(text).map(Cow::Borrowed)
}

/// A text with the three characters escaped that Slack asks for.
pub(super) fn slack(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    each(text).map(|c| {
        Cow::Borrowed(match c {
            "&" => "&amp;",
            "<" => "&lt;",
            ">" => "&gt;",
            _ => c,
        })
    })
}

/// A text of which nothing is formatting and nothing calls anybody. Addresses, which begin with a scheme, are left as they are, and
/// whole.
pub(super) fn markdown(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split_inclusive([' ', '\n']).flat_map(|word| {
        let is_address = word.starts_with("http://") || word.starts_with("https://");
        let (address, plain) = match is_address {
            true => (word, ""),
            false => ("", word),
        };
        std::iter::once(Cow::Borrowed(address)).chain(each(plain).map(escaped))
    })
}

fn escaped(c: &str) -> Cow<'_, str> {
    match c {
        "*" | "_" | "`" | "~" | "[" | "]" | "<" | ">" | "\\" | "|" | "#" => {
            Cow::Owned(format!("\\{c}"))
        }
        // It calls somebody where it stands before a name.
        "@" => Cow::Borrowed("@\u{200b}"),
        _ => Cow::Borrowed(c),
    }
}

/// Character by character.
fn each(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(|_: char| true)
}

/// Characters as the strictest receiver counts them: units of UTF-16.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Bytes.
pub(super) fn bytes(text: &str) -> usize {
    text.len()
}

/// Bytes it takes within JSON.
pub(super) fn bytes_of_json(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len() - 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole<'a>(pieces: impl Iterator<Item = Cow<'a, str>>) -> String {
        fit(pieces, usize::MAX, bytes)
    }

    #[test]
    fn nothing_in_a_text_is_formatting_or_calls_anybody() {
        assert_eq!(
            whole(slack("<!channel> & <@U1>")),
            "&lt;!channel&gt; &amp; &lt;@U1&gt;"
        );
        assert_eq!(
            whole(markdown("**a** @here [x](y)")),
            "\\*\\*a\\*\\* @\u{200b}here \\[x\\](y)"
        );
        assert_eq!(
            whole(markdown("see https://a.example/b_c_d now")),
            "see https://a.example/b_c_d now"
        );
    }

    #[test]
    fn an_escape_and_an_address_stay_whole_and_the_ellipsis_has_room() {
        assert_eq!(fit(slack("a<<b"), 10, units), "a&lt;&lt;b");
        assert_eq!(fit(slack("a<<bc"), 10, units), "a&lt;&lt;…");
        assert_eq!(fit(slack("a<<bc"), 9, units), "a&lt;…");
        assert_eq!(fit(markdown("a***"), 5, units), "a\\*…");
        assert_eq!(fit(markdown("a http://b.example/c d"), 21, units), "a …");
        assert_eq!(fit(characters("äöü"), 6, bytes), "äöü");
        assert_eq!(fit(characters("äöüß"), 7, bytes), "äö…");
        assert_eq!(fit(characters("\"\"\"\"\""), 8, bytes_of_json), "\"\"…");
    }

    proptest! {
        /// Whatever the text, escape and bound.
        #[test]
        fn what_is_cut_fits_and_is_a_beginning_of_whole_pieces(text in "[a*_<&@ \\\\ä🦀\"\n]{0,40}", most in 3usize..40) {
            for measure in [units as fn(&str) -> usize, bytes, bytes_of_json] {
                let ways: [Vec<Cow<'_, str>>; 3] = [
                    characters(&text).collect(),
                    slack(&text).collect(),
                    markdown(&text).collect(),
                ];
                for pieces in ways {
                    let fitted = fit(pieces.iter().cloned(), most, measure);
                    prop_assert!(measure(&fitted) <= most, "{fitted:?}");
                    let all = pieces.concat();
                    if measure(&all) <= most {
                        prop_assert_eq!(fitted, all);
                    } else {
                        let begun = fitted.strip_suffix(CUT).unwrap();
                        let mut ends = (0..=pieces.len()).map(|n| pieces[..n].concat());
                        prop_assert!(ends.any(|end| end == begun), "{fitted:?}");
                    }
                }
            }
        }
    }
}
