//! A filter, asked of judges that know, that guess, and that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/words.rs"]
mod words;

use std::{collections::BTreeSet, fs, path::Path};

use isinglass_data::{StrippedControl, Triplet};
use isinglass_oracle::{
    By, Candidate, ConfigError, Decision, Filter, FilterError, Filtered, Finish, JournalError, Judged, Provider,
    ProviderError, Reply, Request, Retry, Rule, Scripted, Triad,
};
use serde_json::{Value, json};

fn triplets(n: u64) -> Vec<Triplet> {
    let text = |seed: u64, name: &str| words::text(seed, name, 24, '.');
    let replies = |i| ["cognitive", "affective", "instrumental"].map(|name| text(i, name));
    (0..n).map(|i| Triplet::new(format!("t{i}"), "", "work".into(), text(i, "scenario"), replies(i))).collect()
}

fn candidates(n: u64) -> Vec<Candidate<Triplet>> {
    triplets(n).into_iter().map(Candidate::from).collect()
}

type Spoil = Box<dyn Fn(&mut Value)>;

/// A judge that recognizes the replies of `triplets`; `change` may change its answer.
struct Knowing<F>(F);

impl<F: Fn(u64, &mut Value) -> Result<(), ProviderError> + Sync> Provider for Knowing<F> {
    fn complete(&self, request: &Request) -> Result<Reply, ProviderError> {
        let prompt = request.text();
        let item = (0..20).find(|&i| prompt.contains(&words::text(i, "scenario", 24, '.'))).unwrap();
        let shown = |letter: &str| {
            let reply = prompt.split(&format!("\nReply {letter}:\n")).nth(1).unwrap().lines().next().unwrap();
            let classes = ["cognitive", "affective", "instrumental"];
            classes.into_iter().find(|name| words::text(item, name, 24, '.') == reply).unwrap()
        };
        let mut answer = json!({
            "classes": {"A": shown("A"), "B": shown("B"), "C": shown("C")},
            "distinction": "CLEAR", "scenario_quality": 4, "response_quality": 5,
            "decision": "ACCEPT", "reasons": [], "edit": null,
        });
        (self.0)(item, &mut answer)?;
        Ok(Reply { text: answer.to_string(), model: "judge-1".into(), finish: Finish::Complete })
    }
}

fn run(filter: &Filter, judge: &dyn Provider, n: u64, path: &Path) -> Result<Filtered<Triplet>, FilterError> {
    filter.run(judge, &candidates(n), path, &Retry::new(&|_| panic!("nothing to wait for")), &mut |_| ())
}

fn check(n: u64, judge: &dyn Provider) -> Filtered<Triplet> {
    let folder = tempfile::tempdir().unwrap();
    run(&Filter::new(7), judge, n, &folder.path().join("f.jsonl")).unwrap()
}

fn knowing(change: impl Fn(u64, &mut Value) -> Result<(), ProviderError> + Sync) -> impl Provider {
    Knowing(change)
}

/// An edit of item `i` that has the form that is asked for.
fn edit(i: u64) -> Value {
    let text = |name: &str| words::text(i, name, 26, '.');
    json!({"scenario": text("new scenario"), "A": text("new a"), "B": text("new b"), "C": text("new c")})
}

#[test]
fn a_filter_that_removes_nothing_says_so() {
    let filtered = check(4, &knowing(|_, _| Ok(())));
    assert_eq!(filtered.records(), triplets(4));
    let summary = filtered.summary();
    assert_eq!((summary.n, summary.accepted, summary.distinctions), (4, 4, [4, 0, 0]));
    assert_eq!(
        summary.to_string(),
        "accepted all 4: the filter removed nothing; distinction clear 4, moderate 0, weak 0"
    );
}

#[test]
fn the_judge_is_not_told_the_classes() {
    let script = Scripted::new([Rule::error(ProviderError::Refused { reason: "no".into() }).always()]);
    check(12, &script);
    let (mut orders, triplets) = (BTreeSet::new(), triplets(12));
    for (request, triplet) in script.asked().iter().zip(&triplets) {
        let prompt = request.text();
        let place = |text: &str| prompt.find(text).unwrap();
        let mut order = [0, 1, 2];
        order.sort_by_key(|&class| place(triplet.replies()[class]));
        orders.insert(order);
        assert!(!prompt.contains(&format!("{}\"", triplet.id)) && !prompt.contains("\"t"), "{prompt}");
        // Where the texts begin, no class is named any more before the answer's fields.
        let shown = &prompt[place(&triplet.scenario)..prompt.find("\nSay which kind").unwrap()];
        assert!(Triplet::KINDS.iter().all(|class| !shown.contains(class.name)), "{shown}");
    }
    assert!(orders.len() >= 4, "{orders:?}");
    // Another seed, other orders; the same seed, the same.
    let asked = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let script = Scripted::new([Rule::error(ProviderError::Refused { reason: "no".into() }).always()]);
        run(&Filter::new(seed), &script, 12, &folder.path().join("f.jsonl")).unwrap();
        script.asked().iter().map(Request::text).collect::<Vec<_>>()
    };
    assert_eq!(asked(7), asked(7));
    assert_ne!(asked(7), asked(8));
}

#[test]
fn a_wrong_name_is_no_accept() {
    let filtered = check(
        3,
        &knowing(|item, answer| {
            if item == 1 {
                let [a, b] = ["A", "B"].map(|letter| answer["classes"][letter].clone());
                (answer["classes"]["A"], answer["classes"]["B"]) = (b, a);
            }
            if item == 2 {
                for letter in ["A", "B", "C"] {
                    answer["classes"][letter] = json!("affective");
                }
                answer["decision"] = json!("EDIT");
                answer["reasons"] = json!(["stiff"]);
                answer["edit"] = edit(2);
            }
            Ok(())
        }),
    );
    assert_eq!(
        filtered.outcomes.iter().map(|o| o.decision).collect::<Vec<_>>(),
        [Decision::Accept, Decision::Reject, Decision::Reject]
    );
    let By::Judge(judgement) = &filtered.outcomes[1].by else { panic!() };
    assert_eq!(judgement.said, Decision::Accept);
    let [a, b, _] = &judgement.order;
    assert_eq!(judgement.named[..2], [b.clone(), a.clone()]);
    let reason = |class: &str, named: &str| format!("the judge took `{class}` for `{named}`");
    assert_eq!(filtered.outcomes[1].reasons, [reason(a, b), reason(b, a)]);
    assert_eq!(filtered.outcomes[2].reasons.len(), 3);
    assert_eq!(filtered.outcomes[2].record, None);
    let summary = filtered.summary();
    assert_eq!((summary.misnamed, summary.rejected, filtered.records().len()), (2, 2, 1));
    assert!(
        summary.to_string().starts_with(
            "accepted 1, edited 0, rejected 2 of 3; 2 rejected because the judge took a reply for one of \
             another class; "
        ),
        "{summary}"
    );
}

#[test]
fn edits_and_rejections_have_reasons() {
    let filtered = check(
        3,
        &knowing(|item, answer| {
            answer["decision"] = json!(["EDIT", "REJECT", "ACCEPT"][item as usize]);
            if item < 2 {
                answer["distinction"] = json!(["MODERATE", "WEAK"][item as usize]);
                answer["reasons"] = json!(["too alike", " "]);
            }
            if item == 0 {
                answer["edit"] = edit(0);
            }
            Ok(())
        }),
    );
    let [edited, rejected, _] = filtered.outcomes.as_slice() else { panic!() };
    assert_eq!((edited.decision, &edited.reasons), (Decision::Edit, &vec!["too alike".to_owned()]));
    let By::Judge(judgement) = &edited.by else { panic!() };
    let kept = edited.record.as_ref().unwrap();
    assert_eq!(kept.scenario, edit(0)["scenario"]);
    // What was edited as A is the class that A was.
    for (letter, class) in ["A", "B", "C"].into_iter().zip(&judgement.order) {
        let at = Triplet::KINDS.iter().position(|c| c.name == class).unwrap();
        assert_eq!(kept.replies()[at], edit(0)[letter]);
    }
    assert_eq!((&kept.id, &kept.topic), (&"t0".to_owned(), &"work".to_owned()));
    assert_eq!((rejected.decision, &rejected.record), (Decision::Reject, &None));
    let summary = filtered.summary();
    assert_eq!((summary.accepted, summary.edited, summary.rejected, summary.distinctions), (1, 1, 1, [1, 1, 1]));
}

#[test]
fn hostile_judgements_are_asked_again() {
    let good = json!({
        "classes": {"A": "cognitive", "B": "cognitive", "C": "cognitive"}, "distinction": "WEAK", "scenario_quality": 2,
        "response_quality": 1, "decision": "REJECT", "reasons": ["dull"], "edit": null,
    });
    let long = |n| words::text(5, "long", n, '.');
    let [own, other] = [0, 1].map(|i| triplets(2)[i].clone());
    // Openings and whole texts of the item that comes later.
    let copied = json!({"scenario": other.scenario, "A": long(24), "B": other.affective, "C": other.cognitive});
    let same = json!({"scenario": own.scenario, "A": "", "B": "", "C": ""});
    let cases: Vec<(Spoil, &str)> = vec![
        (Box::new(|a| a["reasons"] = json!([])), "REJECT needs `reasons`"),
        (Box::new(|a| a["reasons"] = json!(["", "  "])), "REJECT needs `reasons`"),
        (Box::new(|a| a["decision"] = json!("EDIT")), "`edit` must hold the texts for EDIT"),
        (Box::new(|a| a["edit"] = edit(0)), "`edit` must hold the texts for EDIT, and be null otherwise"),
        (Box::new(|a| a["decision"] = json!("ACCEPT")), "what is WEAK, or of a quality below 3, cannot be accepted"),
        (Box::new(|a| a["decision"] = json!("MAYBE")), "`decision` must be: \"ACCEPT\" or \"EDIT\" or \"REJECT\""),
        (Box::new(|a| a["scenario_quality"] = json!(0)), "`scenario_quality` must be: whole number from 1 to 5"),
        (Box::new(|a| a["classes"]["B"] = json!("kind")), "`classes.B` must be: \"cognitive\" or"),
        (Box::new(|a| a["classes"] = json!(["cognitive", "affective", "instrumental"])), "`classes` must be: object"),
        (Box::new(|a| a["confidence"] = json!(0.9)), "unknown: `confidence`"),
        (
            Box::new(|a| {
                (a["decision"], a["edit"]) = (json!("EDIT"), edit(0));
                a["edit"]["B"] = json!("Too short.");
            }),
            "`B` has 1 sentences",
        ),
        (
            Box::new(move |a| {
                (a["decision"], a["edit"]) = (json!("EDIT"), edit(0));
                a["edit"]["C"] = json!(long(60));
            }),
            "`C` has 60 words and",
        ),
        (
            Box::new(|a| {
                (a["decision"], a["edit"]) = (json!("EDIT"), edit(0));
                a["edit"]["B"] = json!(words::text(0, "new b", 26, '?'));
            }),
            "`B` ends with `?`; it must end with `.`",
        ),
        (Box::new(move |a| (a["decision"], a["edit"]) = (json!("EDIT"), copied.clone())), "`scenario` opens with"),
        (Box::new(move |a| (a["decision"], a["edit"]) = (json!("EDIT"), same.clone())), "`A` is empty"),
    ];
    for (spoil, reason) in cases {
        let mut bad = good.clone();
        spoil(&mut bad);
        let judge = Scripted::new([Rule::json(&bad), Rule::json(&good).times(2)]);
        let filtered = check(2, &judge);
        let By::Judge(judgement) = &filtered.outcomes[0].by else { panic!("{reason}: {:?}", filtered.outcomes[0]) };
        assert_eq!(judgement.failed.len(), 1, "{reason}");
        assert!(judgement.failed[0].contains(reason), "{reason}: {}", judgement.failed[0]);
        assert!(judge.asked()[1].text().contains(reason));
        assert_eq!(filtered.summary().rejected, 2);
    }
}

#[test]
fn an_edit_has_to_change_something() {
    let unchanged = knowing(|item, answer| {
        (answer["decision"], answer["reasons"]) = (json!("EDIT"), json!(["hm"]));
        let text = |letter: &str| words::text(item, answer["classes"][letter].as_str().unwrap(), 24, '.');
        let scenario = words::text(item, "scenario", 24, '.');
        answer["edit"] = json!({"scenario": scenario, "A": text("A"), "B": text("B"), "C": text("C")});
        Ok(())
    });
    let outcome = &check(1, &unchanged).outcomes[0];
    assert_eq!(outcome.by, By::NoAnswer(vec!["the edit changes nothing".to_owned(); 3]));
    assert_eq!((outcome.decision, &outcome.record), (Decision::Reject, &None));
}

#[test]
fn a_judge_without_an_answer_accepts_nothing() {
    let judge = Scripted::new([
        Rule::text("Lovely!").times(3),
        Rule::error(ProviderError::Refused { reason: "not this".into() }),
    ]);
    let filtered = check(2, &judge);
    let summary = filtered.summary();
    assert_eq!((summary.rejected, summary.no_answer, filtered.records().len()), (2, 2, 0));
    assert!(filtered.outcomes.iter().all(|outcome| !outcome.reasons.is_empty()));
    assert!(summary.to_string().contains("2 rejected because the judge gave no usable answer"), "{summary}");
}

#[test]
fn the_scenario_of_a_triplet_is_not_edited_in_its_control() {
    let text = |name: &str| words::text(0, name, 24, '.');
    let record = StrippedControl::new("v1".into(), "t1", "work".into(), text("scenario"), ["a", "b", "c"].map(text));
    let answer = |edit: Value| {
        json!({
            "classes": {"A": "factual", "B": "informational", "C": "procedural"}, "distinction": "CLEAR",
            "scenario_quality": 4, "response_quality": 4, "decision": "EDIT", "reasons": ["stiff"], "edit": edit,
        })
    };
    let mut without = edit(0);
    without.as_object_mut().unwrap().remove("scenario");
    let folder = tempfile::tempdir().unwrap();
    let judge = Scripted::new([Rule::json(&answer(edit(0))), Rule::json(&answer(without))]);
    let candidates = [Candidate::from(record)];
    let retry = Retry::new(&|_| ());
    let filtered = Filter::new(7).run(&judge, &candidates, folder.path().join("f"), &retry, &mut |_| ()).unwrap();
    let By::Judge(judgement) = &filtered.outcomes[0].by else { panic!("{filtered:?}") };
    assert_eq!(judgement.failed, ["the fields differ: unknown: `edit.scenario`"]);
    if let Some(kept) = &filtered.outcomes[0].record {
        assert_eq!(kept.scenario, text("scenario"));
    }
}

#[test]
fn what_its_writer_validated_may_go_unjudged_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut candidates = candidates(3);
    candidates[0].validated = true;
    candidates[2].validated = true;
    let filter = Filter { judge: Judged::AutoAcceptValidated, ..Filter::new(7) };
    let retry = Retry::new(&|_| ());
    let mut done = Vec::new();
    let mut progress = |p: isinglass_oracle::FilterProgress| done.push((p.done, p.of, p.decision));
    let path = folder.path().join("f.jsonl");
    let filtered = filter.run(&knowing(|_, _| Ok(())), &candidates, &path, &retry, &mut progress).unwrap();
    let by: Vec<_> = filtered.outcomes.iter().map(|outcome| outcome.by == By::NotJudged).collect();
    assert_eq!(by, [true, false, true]);
    assert_eq!(
        filtered.summary().to_string(),
        "accepted all 3: the filter removed nothing; 2 accepted without being judged; distinction clear 1, \
         moderate 0, weak 0"
    );
    let accept = Some(Decision::Accept);
    assert_eq!(done, [(0, 3, None), (1, 3, accept), (2, 3, accept), (3, 3, accept)]);
    // Without being asked for, all are judged.
    let path = folder.path().join("g.jsonl");
    let filtered = Filter::new(7).run(&knowing(|_, _| Ok(())), &candidates, &path, &retry, &mut |_| ()).unwrap();
    assert_eq!(filtered.summary().not_judged, 0);
}

#[test]
fn interrupted_anywhere_it_ends_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let judge = |answer: &mut Value, item: u64| {
        if item % 3 == 1 {
            (answer["decision"], answer["reasons"], answer["edit"]) = (json!("EDIT"), json!(["stiff"]), edit(item));
        }
    };
    let whole = folder.path().join("whole.jsonl");
    let steady = knowing(|item, answer| {
        judge(answer, item);
        Ok(())
    });
    let expected = run(&Filter::new(7), &steady, 6, &whole).unwrap();
    assert_eq!(expected.summary().edited, 2);
    for dies_at in 0..6 {
        let path = folder.path().join(format!("{dies_at}.jsonl"));
        let dying = knowing(|item, answer| {
            judge(answer, item);
            if item < dies_at { Ok(()) } else { Err(ProviderError::BadRequest { reason: "gone".into() }) }
        });
        let error = run(&Filter::new(7), &dying, 6, &path).unwrap_err();
        assert!(matches!(&error, FilterError::Provider { id, .. } if *id == format!("t{dies_at}")), "{error:?}");
        assert_eq!(run(&Filter::new(7), &steady, 6, &path).unwrap(), expected);
        assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap());
    }
}

#[test]
fn other_items_and_settings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let judge = knowing(|_, _| Ok(()));
    run(&Filter::new(7), &judge, 2, &path).unwrap();
    let setting = |filter: &Filter, candidates: &[Candidate<Triplet>]| match filter
        .run(&judge, candidates, &path, &Retry::new(&|_| ()), &mut |_| ())
        .unwrap_err()
    {
        FilterError::Journal(JournalError::OtherSettings { setting, .. }) => setting,
        error => panic!("{error:?}"),
    };
    assert_eq!(setting(&Filter::new(8), &candidates(2)), "filter.seed");
    assert_eq!(setting(&Filter::new(7), &candidates(3)), "items[2]");
    let mut other = candidates(2);
    other[1].record.affective.push('!');
    assert_eq!(setting(&Filter::new(7), &other), "items[1].record.affective");

    let other = Scripted::new([Rule::json(&json!({})).model("judge-2")]);
    assert_eq!(run(&Filter::new(7), &other, 2, &path).unwrap().outcomes.len(), 2);
}

#[test]
fn another_judge_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let dying =
        knowing(|item, _| if item < 1 { Ok(()) } else { Err(ProviderError::BadRequest { reason: "x".into() }) });
    run(&Filter::new(7), &dying, 2, &path).unwrap_err();
    let answer = json!({
        "classes": {"A": "cognitive", "B": "affective", "C": "instrumental"}, "distinction": "CLEAR",
        "scenario_quality": 4, "response_quality": 4, "decision": "ACCEPT", "reasons": [], "edit": null,
    });
    let error = run(&Filter::new(7), &Scripted::new([Rule::json(&answer).model("judge-2")]), 2, &path).unwrap_err();
    assert!(matches!(error, FilterError::OtherModel(_)), "{error:?}");
}

#[test]
fn bad_input_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.jsonl");
    let config = |filter: &Filter, candidates: &[Candidate<Triplet>]| match filter
        .run(&Scripted::new([]), candidates, &path, &Retry::new(&|_| ()), &mut |_| ())
        .unwrap_err()
    {
        FilterError::Config(error) => error,
        error => panic!("{error:?}"),
    };
    assert_eq!(config(&Filter::new(7), &[]), ConfigError::Zero { setting: "items" });
    let twice = [candidates(1), candidates(1)].concat();
    assert_eq!(config(&Filter::new(7), &twice), ConfigError::BadItem { id: "t0".into() });
    let mut blank = candidates(1);
    blank[0].record.affective = " ".into();
    assert_eq!(config(&Filter::new(7), &blank), ConfigError::BadItem { id: "t0".into() });
    let mut filter = Filter::new(7);
    filter.form.most_ratio = f64::NAN;
    assert_eq!(config(&filter, &candidates(1)), ConfigError::BadForm { rule: "most_ratio" });
    let filter = Filter { temperature: -1.0, ..Filter::new(7) };
    assert!(matches!(config(&filter, &candidates(1)), ConfigError::BadTemperature { .. }));
    assert!(!path.exists());
}
