//! Markdown, read as far as the rules need it: links, the anchors of headings, and code.

use std::collections::BTreeMap;

/// A line of a document, and whether it is in a fenced block.
struct Line<'t> {
    number: usize,
    text: &'t str,
    fenced: bool,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(at, text)| {
        let mark = ["```", "~~~"].into_iter().find(|mark| text.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => return Some(Line { number: at + 1, text, fenced: fence.is_some() }),
        }
        None
    })
}

/// A link: the line it is in and what it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line.
    pub line: usize,
    /// The target as written, without a title.
    pub target: String,
}

/// Every link and image outside of code, inline (`[text](target)`) or defined (`[label]: target`).
pub fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for line in lines(text).filter(|line| !line.fenced) {
        let prose: String = split_code(line.text).0;
        let definition = prose.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]:"));
        let inline = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
        let targets = inline.chain(definition.filter(|(label, _)| !label.starts_with('^')).map(|(_, target)| target));
        for target in targets.map(str::trim) {
            let bare = target.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(inside, _)| inside);
            let target = bare.or_else(|| target.split_whitespace().next()).unwrap_or_default().to_owned();
            found.push(Link { line: line.number, target });
        }
    }
    found
}

/// The anchors of a document, as the usual viewers make them from headings.
pub fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in lines(text).filter(|line| !line.fenced) {
        let level = line.text.chars().take_while(|letter| *letter == '#').count();
        if (1..=6).contains(&level) && line.text[level..].starts_with(' ') {
            let slug = slug(&line.text[level..]);
            let times = seen.entry(slug.clone()).or_default();
            found.push(if *times == 0 { slug } else { format!("{slug}-{times}") });
            *times += 1;
        }
        found.extend(line.text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found
}

fn slug(heading: &str) -> String {
    let text = heading.trim().trim_end_matches('#').trim();
    // Of a link in a heading only its text counts.
    let text: String =
        text.split("](").enumerate().map(|(at, part)| if at == 0 { part } else { after(part) }).collect();
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn after(target_and_more: &str) -> &str {
    target_and_more.split_once(')').map_or("", |(_, more)| more)
}

/// The code of a document: the lines of fenced blocks and the spans between backticks.
pub fn code(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for line in lines(text) {
        let pieces = if line.fenced { vec![line.text.to_owned()] } else { split_code(line.text).1 };
        found.extend(pieces.into_iter().map(|target| Link { line: line.number, target }));
    }
    found
}

/// Returns the line number and the cells of every table row, without heads.
pub fn rows(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    let mut in_body = false;
    for line in lines(text) {
        let cells = line.text.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|'));
        match cells.filter(|_| !line.fenced) {
            Some(cells) if in_body => found.push((line.number, cells.split('|').collect())),
            Some(cells) => in_body = cells.chars().all(|letter| "-:| ".contains(letter)),
            None => in_body = false,
        }
    }
    found
}

/// The prose of a line and its code spans.
fn split_code(line: &str) -> (String, Vec<String>) {
    let (mut prose, mut spans) = (String::new(), Vec::new());
    let mut parts = line.split('`').peekable();
    let mut in_code = false;
    while let Some(part) = parts.next() {
        // A backtick that nothing closes is a backtick.
        if in_code && parts.peek().is_some() {
            spans.push(part.to_owned());
        } else {
            prose.push_str(part);
        }
        in_code = !in_code;
    }
    (prose, spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let text = "[a](x.md) and ![b](<y z.png> \"t\") `[c](no)`\n```\n[d](no)\n```\n[e]: z.md#e";
        let targets: Vec<_> = links(text).into_iter().map(|link| link.target).collect();
        assert_eq!(targets, ["x.md", "y z.png", "z.md#e"]);
    }

    #[test]
    fn the_rows_of_a_table_are_those_below_its_head() {
        let text = "| a | b |\n|:--|---|\n| 1 | 2 |\n\n```\n| x |\n|---|\n| no |\n```\n| head |\n|---|\n| 3 |";
        assert_eq!(rows(text), [(3, vec![" 1 ", " 2 "]), (12, vec![" 3 "])]);
    }

    #[test]
    fn anchors_are_those_of_the_usual_viewers() {
        let text = "# The `Unit of work`, again\n```\n# no\n```\n## Ñandú 2.0\n## Ñandú 2.0\n<a id=\"here\"></a>";
        assert_eq!(anchors(text), ["the-unit-of-work-again", "ñandú-20", "ñandú-20-1", "here"]);
    }
}
