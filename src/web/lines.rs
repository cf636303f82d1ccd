//! Pairs as people write them into a field: `name=word`, one a line.

/// The pairs, in order; or the line that is none.
pub fn pairs(text: &str) -> Result<Vec<(&str, &str)>, &str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pairs = lines.map(|line| match line.split_once('=') {
        Some((name, word)) if !name.trim().is_empty() => Ok((name.trim(), word.trim())),
        _ => Err(line),
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_pair_is_named() {
        let two = pairs(" mount = /home=x \n\nsimulated=\r\n");
        assert_eq!(two, Ok(vec![("mount", "/home=x"), ("simulated", "")]));
        assert_eq!(pairs("mount=/home\nmount:/var"), Err("mount:/var"));
        assert_eq!(pairs("=/home"), Err("=/home"));
    }
}
