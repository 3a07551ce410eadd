//! What the model that writes is told.

use std::fmt::Write as _;

use crate::{
    Triad,
    form::{Form, FormRules},
    plan::Brief,
    schema::short,
};

/// Changes with every change of a prompt, so that no file has items of two prompts.
pub(crate) const VERSION: u32 = 1;

/// Who writes.
pub(crate) const WRITER: &str = "You write short texts for research on language. They read as if different people had \
    written them on different days: particular, unadorned, and without the phrases that such texts usually have.";

/// Who reads what was written.
pub(crate) const READER: &str = "You check texts for research on language, strictly: what does not clearly meet a \
    criterion does not meet it. You judge by what the texts say and not by what they were meant to say.";

/// How many earlier scenarios, and how many earlier openings, a prompt names at most.
const MOST_EARLIER: usize = 12;

/// Asks for a scenario; `earlier` are those on the same topic, `openings` how the latest texts begin.
pub(crate) fn scenario<R: Triad>(brief: &Brief, rules: &FormRules, earlier: &[&str], openings: &[String]) -> String {
    let [least, most] = rules.sentences;
    let mut prompt = format!(
        "Write a scenario of {least} to {most} sentences, as one paragraph, in the first person: {}.\n\n\
         Topic: {}\nManner of telling: {}\nWho tells it: {}\n\n\
         Take an event or circumstance that is not the first that comes to mind for this topic. \
         Show who is speaking by what is said; do not name topic, age or manner.",
        R::SCENARIO,
        brief.topic,
        brief.register,
        brief.voice
    );
    if !earlier.is_empty() {
        prompt.push_str("\n\nThese have been written on the topic; tell of something else, in other words:");
        for scenario in earlier.iter().rev().take(MOST_EARLIER) {
            // Writing to a string cannot fail.
            let _ = write!(prompt, "\n- {}", short(scenario, 300));
        }
    }
    push_openings(&mut prompt, openings);
    prompt
}

/// Asks for three replies; `complaints` is what was wrong with the last three.
pub(crate) fn replies<R: Triad>(
    scenario: &str,
    rules: &FormRules,
    forms: &[Form; 3],
    openings: &[String],
    complaints: &[String],
) -> String {
    let [least, most] = rules.sentences;
    let mut prompt = format!(
        "{}:\n\n{scenario}\n\n\
         Write three replies to this, each of {least} to {most} sentences and one paragraph, each good of its kind:",
        if R::OWNS_SCENARIO {
            "This was said"
        } else {
            "This was said by someone; the replies are about the matter alone"
        }
    );
    for (class, form) in R::KINDS.iter().zip(forms) {
        let _ = write!(
            prompt,
            "\n- \"{}\": {}. It opens {}, has about {} words, and its last character is \"{}\".",
            class.name, class.rule, form.opening, form.words, form.end
        );
    }
    prompt.push_str(
        "\n\nThe replies differ in what they do and in nothing else: they are equally natural, equally particular, and \
         take up equally much of what was said. None says what kind of reply it is. \
         None begins as replies of its kind usually do; no two begin with the same words.",
    );
    push_openings(&mut prompt, openings);
    if !complaints.is_empty() {
        prompt.push_str("\n\nA reader found fault with an earlier attempt; do not repeat it:");
        for complaint in complaints {
            let _ = write!(prompt, "\n- {}", short(complaint, 300));
        }
    }
    prompt
}

/// Asks whether a scenario and its replies are what they should be.
pub(crate) fn validation<R: Triad>(scenario: &str, replies: &[String; 3]) -> String {
    let mut prompt = format!("Scenario:\n{scenario}\n\nReplies:");
    for (class, reply) in R::KINDS.iter().zip(replies) {
        let _ = write!(prompt, "\n- {}: {reply}", class.name);
    }
    prompt
        .push_str("\n\nWhich of the criteria are met? Where one is not, say in a sentence what would have to change.");
    prompt
}

fn push_openings(prompt: &mut String, openings: &[String]) {
    if !openings.is_empty() {
        let latest: Vec<_> =
            openings.iter().rev().take(3 * MOST_EARLIER).map(|o| format!("\"{}\"", short(o, 60))).collect();
        let _ = write!(prompt, "\n\nThese openings are taken: {}.", latest.join(", "));
    }
}
