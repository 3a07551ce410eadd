//! Text within HTML and XML.

/// Text of which nothing is markup, between tags and within quotes.
///
/// Characters that neither format allows become the replacement character, so that a reader sees that there was one.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Bare, it would be read as the end of a line.
            '\r' => escaped.push_str("&#13;"),
            _ => escaped.push(shown(c)),
        }
    }
    escaped
}

/// The character, or a sign that there was one that cannot be shown.
pub(crate) fn shown(c: char) -> char {
    let allowed = !c.is_control() || matches!(c, '\n' | '\t' | '\r');
    if allowed && !matches!(c, '\u{fffe}' | '\u{ffff}') { c } else { '\u{fffd}' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected);
        check("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
        check("\" onload=\"x", "&quot; onload=&quot;x");
        check("&lt;", "&amp;lt;");
        check("a\u{0}b\u{1b}[1m\u{ffff}", "a\u{fffd}b\u{fffd}[1m\u{fffd}");
        check("später\n\tline\r\n", "später\n\tline&#13;\n");
    }
}
