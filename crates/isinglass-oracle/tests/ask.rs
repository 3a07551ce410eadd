//! Asking a scripted provider that misbehaves.

use std::{cell::RefCell, time::Duration};

use isinglass_oracle::{
    Answer, AskError, Asked, Fault, FieldKind, Note, ProviderError, Request, Retry, Rule, Schema, Scripted, ask,
    ask_checked,
};

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Grade {
    grade: u64,
    reasons: Vec<String>,
}

impl Answer for Grade {
    fn schema() -> Schema {
        Schema::of([
            ("grade", FieldKind::Whole(1, 5), "how good the text is"),
            ("reasons", FieldKind::Texts, "what is wrong with it"),
        ])
    }

    fn problems(&self) -> Vec<String> {
        if self.grade < 5 && self.reasons.is_empty() { vec!["a grade below 5 needs reasons".into()] } else { vec![] }
    }
}

const GOOD: &str = r#"{"grade": 5, "reasons": []}"#;

/// What comes of a script, what was waited, and what was asked.
fn check(rules: Vec<Rule>) -> (Result<Asked<Grade>, AskError>, Vec<u64>, Scripted) {
    let provider = Scripted::new(rules);
    let waits = RefCell::new(Vec::new());
    let sleep = |wait: Duration| waits.borrow_mut().push(wait.as_secs());
    let asked = ask::<Grade>(&provider, &Request::new("You grade.", "Grade it."), &Retry::new(&sleep));
    (asked, waits.into_inner(), provider)
}

#[test]
fn a_good_answer_is_taken_at_once() {
    let (asked, waits, provider) = check(vec![Rule::text(GOOD).model("m-1")]);
    let asked = asked.unwrap();
    assert_eq!(asked.answer, Grade { grade: 5, reasons: vec![] });
    assert_eq!((asked.model.as_str(), asked.notes.len(), asked.failed.len(), waits.len()), ("m-1", 0, 0, 0));
    let request = &provider.asked()[0];
    assert_eq!(request.schema, Some(Grade::schema()));
    assert!(request.text().contains("- \"grade\" (whole number from 1 to 5): how good the text is"));
}

#[test]
fn hostile_replies_are_asked_again_with_their_reason() {
    let hostile = [
        ("", "holds no JSON object"),
        ("I cannot grade this.", "holds no JSON object"),
        ("[{\"grade\": 5, \"reasons\": []}]", "one JSON object"),
        ("{\"grade\": 5, \"reasons\": []} {\"grade\": 1, \"reasons\": []}", "one JSON object"),
        ("{\"grade\": 5, \"reasons\": [", "malformed"),
        ("{\"grade\": 5, \"grade\": 4, \"reasons\": []}", "the field `grade` stands twice"),
        ("{\"grade\": 5}", "missing: `reasons`"),
        ("{\"grade\": 5, \"reasons\": [], \"note\": \"ok\"}", "unknown: `note`"),
        ("{\"grade\": \"5\", \"reasons\": []}", "`grade` must be: whole number from 1 to 5"),
        ("{\"grade\": 6, \"reasons\": []}", "`grade` must be: whole number from 1 to 5"),
        ("{\"grade\": 5.5, \"reasons\": []}", "`grade` must be: whole number from 1 to 5"),
        ("{\"grade\": 5, \"reasons\": null}", "`reasons` must be: array of strings"),
        ("{\"grade\": 3, \"reasons\": []}", "a grade below 5 needs reasons"),
    ];
    for (reply, reason) in hostile {
        let (asked, waits, provider) = check(vec![Rule::text(reply), Rule::text(GOOD)]);
        let asked = asked.unwrap();
        assert_eq!(asked.failed.len(), 1, "{reply}");
        assert_eq!(asked.failed[0].text.as_deref(), Some(reply));
        assert!(asked.failed[0].fault.to_string().contains(reason), "{reply}: {}", asked.failed[0].fault);
        let again = provider.asked()[1].text();
        assert!(again.contains(reason), "{again}");
        assert!(!provider.asked()[0].text().contains("could not be used"));
        assert!(waits.is_empty());
    }
}

#[test]
fn fences_and_text_are_noted() {
    let (asked, ..) = check(vec![Rule::text(format!("Gladly:\n```json\n{GOOD}\n```"))]);
    assert_eq!(asked.unwrap().notes, [Note::Fenced, Note::Surrounded]);
}

#[test]
fn a_whole_object_that_was_cut_off_is_no_answer() {
    let (asked, ..) = check(vec![Rule::text(GOOD).cut_off(), Rule::text(GOOD)]);
    assert_eq!(asked.unwrap().failed[0].fault, Fault::CutOff);
}

#[test]
fn after_n_answers_it_gives_up() {
    let (asked, _, provider) = check(vec![Rule::text("no").times(3), Rule::text(GOOD)]);
    let Err(AskError::NoUsableAnswer { n: 3, source: Fault::NoObject, failed }) = asked else { panic!("{asked:?}") };
    assert_eq!((failed.len(), provider.asked().len()), (3, 3));
    // Both reasons stand in the last question.
    assert_eq!(provider.asked()[2].text().matches("could not be used").count(), 2);
}

#[test]
fn errors_that_pass_are_waited_out() {
    let limited = |secs: u64| Rule::rate_limited(Some(Duration::from_secs(secs)));
    let (asked, waits, provider) = check(vec![
        Rule::error(ProviderError::Overloaded),
        Rule::error(ProviderError::TimedOut),
        limited(30),
        limited(1),
        Rule::text("no"),
        Rule::error(ProviderError::Overloaded),
        Rule::text(GOOD),
    ]);
    let asked = asked.unwrap();
    // Doubled for each failure in a row, not below what the provider asks for, and anew after an answer.
    assert_eq!(waits, [1, 2, 30, 8, 1]);
    assert_eq!(asked.failed.len(), 6);
    // The same request word for word, as nothing was wrong with it.
    assert_eq!(provider.asked()[0], provider.asked()[4]);
    assert_eq!(provider.asked()[5], provider.asked()[6]);
}

#[test]
fn errors_that_do_not_pass_end_it() {
    let error = ProviderError::BadRequest { reason: "no such model".into() };
    let (asked, waits, provider) = check(vec![Rule::error(error.clone()), Rule::text(GOOD)]);
    let Err(AskError::Provider { source, failed }) = asked else { panic!("{asked:?}") };
    assert_eq!((source, failed.len(), waits.len(), provider.asked().len()), (error, 1, 0, 1));
}

#[test]
fn patience_ends() {
    let (asked, waits, _) = check(vec![Rule::error(ProviderError::Overloaded).always()]);
    assert!(matches!(asked, Err(AskError::Provider { source: ProviderError::Overloaded, .. })));
    assert_eq!(waits, [1, 2, 4, 8, 16]);
    // A provider that wants an hour is not asked before, and nobody waits an hour.
    let (asked, waits, _) = check(vec![Rule::rate_limited(Some(Duration::from_hours(1))), Rule::text(GOOD)]);
    assert!(matches!(asked, Err(AskError::Provider { source: ProviderError::RateLimited { .. }, .. })));
    assert!(waits.is_empty());
}

#[test]
fn what_is_not_scripted_is_no_answer() {
    let (asked, ..) = check(vec![]);
    assert!(matches!(asked, Err(AskError::Provider { source: ProviderError::Unscripted { number: 0, .. }, .. })));
}

#[test]
fn the_callers_own_check_counts() {
    let provider = Scripted::new([Rule::text(GOOD), Rule::text(r#"{"grade": 4, "reasons": ["long"]}"#)]);
    let sleep = |_| panic!("nothing to wait for");
    let asked = ask_checked::<Grade>(&provider, &Request::new("", "Grade it."), &Retry::new(&sleep), |grade| {
        if grade.grade == 5 { vec!["nobody gets a 5".into()] } else { vec![] }
    });
    assert_eq!(asked.unwrap().answer.grade, 4);
    assert!(provider.asked()[1].text().contains("nobody gets a 5"));
}
