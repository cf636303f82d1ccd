//! Rules for tests.

/// Fires a warning over 90 (over at 75) and is critical over 97 (over at 85), on the newest sample of `cpu`.
pub const CPU_HIGH: &str = r#"
[[rules]]
name = "cpu_high"
metric = "cpu"
when = "above"
warning = { fire = 90, clear = 75 }
critical = { fire = 97, clear = 85 }
message = "{{ name }} at {{ value }} {{ unit }} on {{ host }}"
flapping.after = 0
"#;
