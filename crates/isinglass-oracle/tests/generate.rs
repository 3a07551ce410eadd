//! Generators, asked of a model that writes as told, dies, or misbehaves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/author.rs"]
mod author;
#[path = "shared/words.rs"]
mod words;

use std::{cell::Cell, collections::BTreeSet, fs, path::Path, time::Duration};

use author::Author;
use isinglass_data::{Control, StrippedControl, Triplet};
use isinglass_oracle::{
    AskError, ConfigError, ControlGenerator, Event, GenerateError, Generated, Generator, Item, JournalError, Plan,
    Provider, ProviderError, Request, Retry, Rule, Scripted, Step, StrippedGenerator, Triad, TripletGenerator,
    read_items, write_records,
};
use serde_json::{Value, json};

type Spoil = fn(&mut Value);
type Spoilt = Result<(), ProviderError>;

fn run<R: Triad>(
    generator: &Generator<R>,
    provider: &dyn Provider,
    path: &Path,
) -> Result<Generated<R>, GenerateError> {
    generator.run(provider, path, &Retry::new(&|_| panic!("nothing to wait for")), &mut |_| ())
}

/// What comes of six triplets by an author that is spoilt so, and what was asked.
fn check(
    spoil: impl Fn(usize, &Request, &mut Value) -> Spoilt + Sync,
) -> (Result<Generated<Triplet>, GenerateError>, Vec<Request>) {
    let folder = tempfile::tempdir().unwrap();
    let author = Author::new(spoil);
    let generated = run(&TripletGenerator::new(6, 7), &author, &folder.path().join("t.jsonl"));
    (generated, author.asked())
}

#[allow(clippy::unnecessary_wraps, reason = "one of those that spoil answers, others of which fail")]
fn good(_: usize, _: &Request, _: &mut Value) -> Spoilt {
    Ok(())
}

fn has(answer: &Value, field: &str) -> bool {
    answer.get(field).is_some()
}

fn n_words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn triplets() {
    let (generated, asked) = check(good);
    let Generated { items, given_up } = generated.unwrap();
    assert_eq!((items.len(), given_up.len(), asked.len()), (6, 0, 18));
    assert_eq!(items.iter().map(|item| item.record.id.as_str()).collect::<Vec<_>>()[..2], ["t001", "t002"]);
    assert_eq!(items.iter().map(|item| &item.record.topic).collect::<BTreeSet<_>>().len(), 6);
    for (i, Item { record, provenance }) in items.iter().enumerate() {
        assert_eq!((provenance.model.as_str(), provenance.brief, provenance.attempt), ("author-1", i, 1));
        assert_eq!(provenance.validation.met.len(), 5);
        assert!(provenance.validation.is_valid() && provenance.failed.is_empty());
        assert_eq!(provenance.seed, asked[3 * i + 1].seed);
        let [scenario, replies, validation] = [0, 1, 2].map(|call| asked[3 * i + call].text());
        for told in [&record.topic, &provenance.register, &provenance.voice] {
            assert!(scenario.contains(told.as_str()), "{told}: {scenario}");
        }
        assert!(replies.contains(&record.scenario) && validation.contains(&record.affective));
    }
    let temperatures = [0, 1, 2].map(|call| asked[call].temperature.to_bits());
    assert_eq!(temperatures, [1.0, 0.7, 0.3].map(f64::to_bits));
    // Each class is twice the longest and twice the shortest of its item; all end alike.
    for class in 0..3 {
        let rank = |item: &Item<Triplet>| {
            let lengths = item.record.replies().map(n_words);
            lengths.iter().filter(|&&n| n < lengths[class]).count()
        };
        let mut ranks: Vec<_> = items.iter().map(rank).collect();
        ranks.sort_unstable();
        assert_eq!(ranks, [0, 0, 1, 1, 2, 2]);
    }
    for item in &items {
        let ends: BTreeSet<_> = item.record.replies().map(|reply| reply.chars().last()).into_iter().collect();
        assert_eq!(ends.len(), 1);
    }
    // What is taken is said.
    assert!(asked[3].text().contains("These openings are taken: "), "{}", asked[3].text());
}

#[test]
fn the_controls() {
    let folder = tempfile::tempdir().unwrap();
    let author = Author::new(good);
    let generated = run(&ControlGenerator::new(3, 1), &author, &folder.path().join("n.jsonl")).unwrap();
    let Control { id, topic, enthusiastic, analytical, reflective, .. } = &generated.items[2].record;
    assert_eq!(id, "n003");
    assert!(Plan::impersonal().topics.contains(topic));
    assert_eq!([enthusiastic, analytical, reflective].iter().collect::<BTreeSet<_>>().len(), 3);

    let triplets = run(&TripletGenerator::new(2, 7), &author, &folder.path().join("t.jsonl")).unwrap();
    let triplets: Vec<_> = triplets.items.into_iter().map(|item| item.record).collect();
    let author = Author::new(good);
    let generator = StrippedGenerator::new(triplets.clone(), 1);
    let generated = run(&generator, &author, &folder.path().join("v.jsonl")).unwrap();
    // No scenario is asked for.
    assert_eq!((generated.items.len(), author.asked().len()), (2, 4));
    assert_eq!(author.asked()[0].temperature.to_bits(), 0.5_f64.to_bits());
    for (item, triplet) in generated.items.iter().zip(&triplets) {
        let StrippedControl { triplet_id, topic, scenario, factual, .. } = &item.record;
        assert_eq!((triplet_id, topic, scenario), (&triplet.id, &triplet.topic, &triplet.scenario));
        assert!(n_words(factual) > 20);
    }
}

#[test]
fn interrupted_anywhere_it_ends_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    // Every fifth answer is unfit, and two scenarios are given up: they must come out the same too.
    let spoil = |_: usize, request: &Request, answer: &mut Value| {
        if has(answer, "issues") && request.seed.is_multiple_of(4) {
            answer["scenario"] = json!(false);
            answer["issues"] = json!(["not a trouble"]);
        }
        if has(answer, "affective") && request.seed.is_multiple_of(3) && !request.text().contains("could not be used") {
            answer["affective"] = json!("Short.");
        }
        Ok(())
    };
    let mut generator = TripletGenerator::new(8, 5);
    generator.config_mut().most_given_up = 20;
    let whole = folder.path().join("whole.jsonl");
    let author = Author::new(spoil);
    let expected = run(&generator, &author, &whole).unwrap();
    let n_calls = author.asked().len();
    assert!(!expected.given_up.is_empty() && expected.items.iter().any(|item| !item.provenance.failed.is_empty()));

    for dies_after in 0..n_calls {
        let path = folder.path().join(format!("{dies_after}.jsonl"));
        let dying = Author::new(|number, request: &Request, answer: &mut Value| {
            if number >= dies_after {
                return Err(ProviderError::BadRequest { reason: "no more credit".into() });
            }
            spoil(number, request, answer)
        });
        let error = run(&generator, &dying, &path).unwrap_err();
        assert!(matches!(error, GenerateError::Provider { .. }), "{error:?}");
        let resumed = run(&generator, &Author::new(spoil), &path).unwrap();
        assert_eq!(resumed, expected, "dies after {dies_after}");
        assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap(), "dies after {dies_after}");
    }
    // A finished file asks for nothing and stays as it is.
    let nobody = Scripted::new([]);
    assert_eq!(run(&generator, &nobody, &whole).unwrap(), expected);
    assert!(nobody.asked().is_empty());
}

#[test]
fn other_settings_and_foreign_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let author = Author::new(good);
    run(&TripletGenerator::new(2, 7), &author, &path).unwrap();
    let setting = |generator: &TripletGenerator| match run(generator, &author, &path).unwrap_err() {
        GenerateError::Journal(JournalError::OtherSettings { setting, found, asked, .. }) => (setting, found, asked),
        error => panic!("{error:?}"),
    };
    let of = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(setting(&TripletGenerator::new(2, 8)), of("config.seed", "7", "8"));
    let mut generator = TripletGenerator::new(2, 7);
    generator.config_mut().scenario.temperature = 0.5;
    assert_eq!(setting(&generator), of("config.scenario.temperature", "1.0", "0.5"));
    let error = run(&ControlGenerator::new(2, 7), &author, &path).unwrap_err();
    assert!(
        error.to_string().contains("was begun with `kind` = `\"triplets\"`, not `\"controls_non_empathy\"`"),
        "{error}"
    );

    let foreign = folder.path().join("foreign.jsonl");
    fs::write(&foreign, "{}\n").unwrap();
    let error = run(&TripletGenerator::new(2, 7), &author, &foreign).unwrap_err();
    assert!(matches!(error, GenerateError::Journal(JournalError::NoSettings { .. })), "{error:?}");

    let text = fs::read_to_string(&path).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{second}{first}\n")).unwrap();
    let error = run(&TripletGenerator::new(2, 7), &author, &path).unwrap_err();
    assert!(matches!(error, GenerateError::Journal(JournalError::OtherItem { line: 1, .. })), "{error:?}");
}

#[test]
fn another_model_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let author =
        Author::new(
            |number, _: &Request, _: &mut Value| {
                if number < 3 { Ok(()) } else { Err(ProviderError::BadRequest { reason: String::new() }) }
            },
        );
    run(&TripletGenerator::new(2, 7), &author, &path).unwrap_err();
    let scenario = json!({"scenario": words::text(99, "x", 30, '.')});
    let other = Scripted::new([Rule::json(&scenario).model("other-2")]);
    let error = run(&TripletGenerator::new(2, 7), &other, &path).unwrap_err();
    assert!(
        error.to_string().starts_with("`other-2` answered, but what there is so far is from `author-1`"),
        "{error}"
    );
}

#[test]
fn what_fails_the_local_checks_is_asked_again_with_the_reason() {
    // The second item's replies are spoilt once, each time otherwise.
    let spoils: [(&str, Spoil); 7] = [
        ("`cognitive` has 1 sentences; it must have 2 to 3", |a| {
            a["cognitive"] = json!(a["cognitive"].as_str().unwrap().replace(". ", ", "));
        }),
        ("`affective` has 5 words; it must have about", |a| a["affective"] = json!("One two three. Four five.")),
        ("`instrumental` must be one paragraph", |a| {
            a["instrumental"] = json!(a["instrumental"].as_str().unwrap().replacen(' ', "\n", 1));
        }),
        ("it must end with", |a| a["affective"] = json!(a["affective"].as_str().unwrap().to_owned() + "..")),
        ("as another text does", |a| {
            let cognitive: Vec<_> = a["cognitive"].as_str().unwrap().splitn(4, ' ').map(str::to_owned).collect();
            let affective: Vec<_> = a["affective"].as_str().unwrap().splitn(4, ' ').map(str::to_owned).collect();
            a["affective"] = json!([&cognitive[..3], &affective[3..]].concat().join(" "));
        }),
        ("`affective` is empty", |a| a["affective"] = json!("  ")),
        ("unknown: `tactical`", |a| a["tactical"] = json!("x")),
    ];
    for (reason, spoil) in spoils {
        let (generated, asked) = check(|number, _, answer| {
            if number == 4 {
                spoil(answer);
            }
            Ok(())
        });
        let items = generated.unwrap().items;
        assert_eq!((items.len(), asked.len()), (6, 19), "{reason}");
        let [failure] = items[1].provenance.failed.as_slice() else { panic!("{reason}: {items:?}") };
        assert_eq!(failure.step, Step::Replies);
        assert!(failure.reason.contains(reason), "{reason}: {}", failure.reason);
        assert!(asked[5].text().contains(reason), "{}", asked[5].text());
    }
}

#[test]
fn no_opening_and_no_phrase_goes_through_the_file() {
    // All scenarios open alike.
    let (generated, _) = check(|_, _, answer| {
        if let Some(scenario) = answer.get("scenario").and_then(Value::as_str) {
            answer["scenario"] = json!(format!("It all began when {scenario}"));
        }
        Ok(())
    });
    let Err(GenerateError::TooManyGivenUp { n: 3, most: 2, last }) = generated else { panic!("{generated:?}") };
    assert_eq!((last.brief, last.failed.len()), (3, 3));
    assert!(last.failed[0].reason.contains("opens with \"it all began\""), "{:?}", last.failed);

    // All affective replies have a phrase in their middle: the third item is the first that may not.
    let (generated, asked) = check(|_, request, answer| {
        let affective = answer.get("affective").and_then(Value::as_str);
        if let Some(text) = affective.filter(|_| !request.text().contains("say it otherwise")) {
            answer["affective"] = json!(text.replacen(". ", " with all of my heart. ", 1));
        }
        Ok(())
    });
    let items = generated.unwrap().items;
    let with: Vec<_> = items.iter().map(|item| item.record.affective.contains("all of my heart")).collect();
    assert_eq!(with, [true, true, false, false, false, false]);
    assert_eq!(asked.len(), 18 + 4);
    let reason = &items[2].provenance.failed[0].reason;
    assert!(reason.contains("has the words \"with all of my heart\", which stand in 2 other items"), "{reason}");
}

#[test]
fn what_its_own_reader_faults_is_written_again() {
    let (generated, asked) = check(|number, _, answer| {
        if number == 2 {
            answer["instrumental"] = json!(false);
            answer["issues"] = json!(["the third reply consoles"]);
        }
        Ok(())
    });
    let item = &generated.unwrap().items[0];
    assert_eq!((item.provenance.attempt, asked.len()), (2, 20));
    assert_eq!(item.provenance.failed[0].step, Step::Validation);
    assert_eq!(item.provenance.failed[0].reason, "the third reply consoles");
    assert!(asked[3].text().contains("- the third reply consoles"), "{}", asked[3].text());
    assert_ne!(asked[3].seed, asked[1].seed);
    // A fault without a reason is none.
    let (generated, asked) = check(|number, _, answer| {
        if number == 2 {
            answer["nothing_else"] = json!(false);
        }
        Ok(())
    });
    assert_eq!(generated.unwrap().items[0].provenance.attempt, 1);
    assert!(asked[3].text().contains("`issues` does not say why"));
}

#[test]
fn refused_and_faulted_scenarios_are_given_up_and_named() {
    let (generated, asked) = check(|number, _, answer| match number {
        0 => Err(ProviderError::Refused { reason: "not this".into() }),
        3 => {
            answer["scenario"] = json!(false);
            answer["issues"] = json!(["nobody is troubled"]);
            Ok(())
        }
        _ => Ok(()),
    });
    let Generated { items, given_up } = generated.unwrap();
    assert_eq!((items.len(), asked.len(), given_up.len()), (6, 18 + 1 + 3, 2));
    assert_eq!(items[0].provenance.given_up, given_up);
    assert_eq!((items[0].record.id.as_str(), items[0].provenance.brief), ("t001", 2));
    assert!(items[1..].iter().all(|item| item.provenance.given_up.is_empty()));
    assert_eq!(given_up[0].failed[0].reason, "the model refused to answer: `not this`");
    assert_eq!(
        (given_up[1].failed[0].step, given_up[1].failed[0].reason.as_str()),
        (Step::Validation, "nobody is troubled")
    );
}

#[test]
fn a_control_of_a_triplet_is_not_left_out_silently() {
    let folder = tempfile::tempdir().unwrap();
    let triplets = run(&TripletGenerator::new(2, 7), &Author::new(good), &folder.path().join("t.jsonl")).unwrap();
    let triplets: Vec<_> = triplets.items.into_iter().map(|item| item.record).collect();
    let refusing = || {
        Author::new(
            |number, _: &Request, _: &mut Value| {
                if number == 0 { Err(ProviderError::Refused { reason: "no".into() }) } else { Ok(()) }
            },
        )
    };
    let mut generator = StrippedGenerator::new(triplets.clone(), 1);
    let error = run(&generator, &refusing(), &folder.path().join("v.jsonl")).unwrap_err();
    assert!(matches!(error, GenerateError::TooManyGivenUp { n: 1, most: 0, .. }), "{error:?}");
    generator.config_mut().most_given_up = 1;
    let generated = run(&generator, &refusing(), &folder.path().join("w.jsonl")).unwrap();
    assert_eq!((generated.items.len(), generated.given_up.len()), (1, 1));
    assert_eq!(generated.items[0].record.triplet_id, triplets[1].id);
}

#[test]
fn passing_errors_leave_no_trace_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, busy) = (folder.path().join("calm.jsonl"), folder.path().join("busy.jsonl"));
    run(&TripletGenerator::new(2, 7), &Author::new(good), &calm).unwrap();
    let author = Author::new(
        |number, _: &Request, _: &mut Value| {
            if number % 2 == 0 { Err(ProviderError::Overloaded) } else { Ok(()) }
        },
    );
    let waited = Cell::new(Duration::ZERO);
    let sleep = |wait| waited.set(waited.get() + wait);
    let mut events = Vec::new();
    TripletGenerator::new(2, 7)
        .run(&author, &busy, &Retry::new(&sleep), &mut |progress| {
            events.push((progress.done, progress.of, progress.event));
        })
        .unwrap();
    assert_eq!(waited.get(), Duration::from_secs(6));
    assert_eq!(fs::read(&calm).unwrap(), fs::read(&busy).unwrap());
    let added = |id: &str| Event::Added(id.to_owned());
    assert_eq!(events, [(0, 2, Event::Opened), (1, 2, added("t001")), (2, 2, added("t002"))]);

    let overloaded = Scripted::new([Rule::error(ProviderError::Overloaded).always()]);
    let path = folder.path().join("never.jsonl");
    let error = TripletGenerator::new(2, 7).run(&overloaded, &path, &Retry::new(&|_| ()), &mut |_| ()).unwrap_err();
    let GenerateError::Provider { id, source: AskError::Provider { source, .. } } = error else { panic!("{error:?}") };
    assert_eq!((id.as_str(), source), ("t001", ProviderError::Overloaded));
}

#[test]
fn settings_are_checked_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let config = |change: fn(&mut TripletGenerator)| {
        let mut generator = TripletGenerator::new(2, 7);
        change(&mut generator);
        match run(&generator, &Scripted::new([]), &path).unwrap_err() {
            GenerateError::Config(error) => error,
            error => panic!("{error:?}"),
        }
    };
    assert_eq!(config(|g| g.config_mut().count = 0), ConfigError::Zero { setting: "count" });
    assert_eq!(config(|g| g.config_mut().rounds = 0), ConfigError::Zero { setting: "rounds" });
    assert_eq!(config(|g| g.config_mut().replies.max_tokens = 0), ConfigError::Zero { setting: "max_tokens" });
    assert!(matches!(config(|g| g.config_mut().validation.temperature = f64::NAN), ConfigError::BadTemperature { .. }));
    assert_eq!(config(|g| g.config_mut().form.phrase_words = 0), ConfigError::BadForm { rule: "phrase_words" });
    assert_eq!(config(|g| g.config_mut().form.ends.clear()), ConfigError::BadForm { rule: "ends" });
    assert_eq!(config(|g| g.config_mut().form.words = [3, 44]), ConfigError::BadForm { rule: "words" });
    assert_eq!(config(|g| g.config_mut().form.tolerance = f64::NAN), ConfigError::BadForm { rule: "tolerance" });
    assert_eq!(
        config(|g| g.config_mut().plan.voices.clear()),
        ConfigError::BadPlan { list: "voices", entry: String::new() }
    );
    assert_eq!(config(|g| g.config_mut().count = 432), ConfigError::ShortPlan { asked: 433, n: 432 });
    assert!(!path.exists());

    let triplet = |id: &str| {
        let text = |name: &str| words::text(1, name, 20, '.');
        Triplet::new(id.into(), "", "t".into(), text("s"), ["a", "b", "c"].map(text))
    };
    let twice = StrippedGenerator::new(vec![triplet("a"), triplet("a")], 1);
    let error = run(&twice, &Scripted::new([]), &path).unwrap_err();
    assert!(matches!(error, GenerateError::Config(ConfigError::BadItem { .. })), "{error:?}");
    let mut short = StrippedGenerator::new(vec![triplet("a")], 1);
    short.config_mut().count = 2;
    let error = run(&short, &Scripted::new([]), &path).unwrap_err();
    assert!(matches!(error, GenerateError::Config(ConfigError::OtherCount { count: 2, n: 1 })), "{error:?}");
}

#[test]
fn files_are_read_and_records_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let items = run(&TripletGenerator::new(2, 7), &Author::new(good), &path).unwrap().items;
    assert_eq!(read_items::<Triplet>(&path).unwrap(), items);
    let error = read_items::<Control>(&path).unwrap_err();
    assert!(matches!(error, JournalError::BadLine { line: 1, .. }), "{error:?}");

    let plain = folder.path().join("plain.jsonl");
    let records: Vec<_> = items.into_iter().map(|item| item.record).collect();
    write_records(&plain, &records).unwrap();
    let lines = fs::read_to_string(&plain).unwrap();
    let read: Vec<Triplet> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, records);
    // A fixed order of fields, and nothing but the record's.
    assert!(lines.starts_with("{\"id\":\"t001\",\"topic\":\""), "{lines}");
}
