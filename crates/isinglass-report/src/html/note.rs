//! Notes, which are Markdown, as HTML that can do nothing.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

use crate::escape::shown;

/// What a link may lead to, besides places relative to the report.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Paragraphs, emphasis, code, lists, tables and links; HTML is shown as it is written, an image as its description.
pub(super) fn render(markdown: &str) -> String {
    let markdown: String = markdown.chars().map(shown).collect();
    // Whether the links that are open are shown as links.
    let mut links = Vec::new();
    let events = Parser::new_ext(&markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
        .filter_map(|event| harmless(event, &mut links));
    let mut rendered = String::new();
    html::push_html(&mut rendered, events);
    rendered
}

/// The event without what could run, fetch or stand above the report's own headings.
fn harmless<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Option<Event<'a>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        // Its text stays, and is its description.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { link_type, ref dest_url, .. }) => {
            links.push(link_type == LinkType::Email || leads_nowhere_bad(dest_url));
            links.last().is_some_and(|&shown| shown).then_some(event)
        }
        Event::End(TagEnd::Link) => links.pop().is_some_and(|shown| shown).then_some(event),
        Event::Start(Tag::Heading { level, .. }) => {
            let (level, id, classes, attrs) = (below(level), None, Vec::new(), Vec::new());
            Some(Event::Start(Tag::Heading { level, id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(below(level)))),
        _ => Some(event),
    }
}

/// The title is the first level and the headings of sections the second.
fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// Whether a link has a scheme that only shows something, or none.
fn leads_nowhere_bad(url: &CowStr<'_>) -> bool {
    // Browsers leave these out before they look for the scheme.
    let url: String = url.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            SCHEMES.iter().any(|allowed| allowed.eq_ignore_ascii_case(scheme))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        let check = |markdown: &str, expected: &str| assert_eq!(render(markdown), expected);
        check("Read *it* with **care**.", "<p>Read <em>it</em> with <strong>care</strong>.</p>\n");
        check("- a\n- `b<c`", "<ul>\n<li>a</li>\n<li><code>b&lt;c</code></li>\n</ul>\n");
        check("[paper](https://arxiv.org/abs/1)", "<p><a href=\"https://arxiv.org/abs/1\">paper</a></p>\n");
        check("[data](study.json#n)", "<p><a href=\"study.json#n\">data</a></p>\n");
        check("<a@b.org>", "<p><a href=\"mailto:a@b.org\">a@b.org</a></p>\n");
        check("# Loud\n\n###### quiet", "<h3>Loud</h3>\n<h6>quiet</h6>\n");
        check(
            "|a|\n|-|\n|b|",
            "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>b</td></tr>\n</tbody></table>\n",
        );
    }

    #[test]
    fn nothing_in_a_note_runs_or_fetches() {
        let check = |markdown: &str, expected: &str| assert_eq!(render(markdown), expected);
        check("a <b onclick='x'>c</b>", "<p>a &lt;b onclick='x'&gt;c&lt;/b&gt;</p>\n");
        check("<script>\nx\n</script>", "<p>&lt;script&gt;\nx\n&lt;/script&gt;</p>\n");
        check("[run](javascript:alert(1))", "<p>run</p>\n");
        check("[run](<java\tScript:alert(1)>)", "<p>run</p>\n");
        check("[run](&#106;avascript:x) [*r*](data:x)", "<p>run <em>r</em></p>\n");
        check("<vbscript:x>", "<p>vbscript:x</p>\n");
        check("[a](#b:c) [d](./e:f)", "<p><a href=\"#b:c\">a</a> <a href=\"./e:f\">d</a></p>\n");
        check("![a *map*](https://x.org/y.png)", "<p>a <em>map</em></p>\n");
        check("[t](x \"\\\"><script>\")", "<p><a href=\"x\" title=\"&quot;&gt;&lt;script&gt;\">t</a></p>\n");
        check("```\"><script>\nx\n```", "<pre><code class=\"language-&quot;&gt;&lt;script&gt;\">x\n</code></pre>\n");
        check("a\u{1b}b", "<p>a\u{fffd}b</p>\n");
    }
}
