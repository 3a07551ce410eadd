//! The texts that an audit reads, and what it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use isinglass::data::{AnyDataset, Row, Table as Records, UNSTATED};
use isinglass::formats::sha256_file;
use isinglass::prelude::*;
use isinglass::probe::audit::{AuditText, Audited, Found, Limits, Separated, Told, Unit, Verdict};

/// Which texts, and where their labels are.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder of a data set, or a file of records
    path: PathBuf,
    /// Columns of a file that hold the texts of a class each; with --label, the labels to compare
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    classes: Vec<String>,
    /// Column with the texts
    #[arg(long, requires = "label")]
    text: Option<String>,
    /// Column with their labels
    #[arg(long, requires = "text")]
    label: Option<String>,
    /// Column with the name of the group, which no split divides; each record is one unless set
    #[arg(long)]
    group: Option<String>,
    /// Column with what the texts answer, which counts for duplicates and phrases alone
    #[arg(long)]
    scenario: Option<String>,
    /// Licence of a file, for the report
    #[arg(long, default_value = UNSTATED)]
    licence: String,
}

/// Texts of classes, in groups.
pub(crate) struct Data {
    pub(crate) source: DataSource,
    pub(crate) classes: Vec<String>,
    texts: Vec<(String, usize, u64)>,
    /// What several texts of a group answer is one text.
    scenarios: BTreeSet<(u64, String)>,
    groups: Vec<String>,
}

impl DataArgs {
    pub(crate) fn read(&self) -> Result<Data, Box<dyn Error>> {
        if self.path.is_dir() {
            let columns = [&self.text, &self.label, &self.group, &self.scenario];
            if !self.classes.is_empty() || columns.into_iter().any(Option::is_some) {
                return Err("a data set's folder says its own columns; give the file in it to name others".into());
            }
            return Ok(of_dataset(&AnyDataset::open(&self.path)?));
        }
        let records = Records::open(&self.path)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = DataSource { name, sha256: sha256_file(&self.path)?, licence: self.licence.clone() };
        let mut data = Data::new(source, self.classes.clone());
        if self.label.is_none() && self.classes.len() < 2 {
            let columns = records.columns().join("`, `");
            return Err(format!(
                "name the columns of two classes at least by --classes, or give --text and --label; the columns are `{columns}`"
            )
            .into());
        }
        let mut numbers = BTreeMap::new();
        for (i, row) in records.rows().enumerate() {
            let group = self.group.as_ref().map_or_else(|| Ok(format!("{}", i + 1)), |group| row.name(group))?;
            let next = numbers.len() as u64;
            let number = *numbers.entry(group.clone()).or_insert(next);
            if number == next {
                data.groups.push(group);
            }
            self.add(&mut data, &row, number)?;
        }
        Ok(data)
    }

    /// Adds the texts of a record.
    fn add(&self, data: &mut Data, row: &Row<'_>, group: u64) -> Result<(), Box<dyn Error>> {
        if let (Some(text), Some(label)) = (&self.text, &self.label) {
            let label = row.flag(label).map(|flag| flag.to_string()).or_else(|_| row.name(label))?;
            let class = match data.classes.iter().position(|class| *class == label) {
                Some(class) => class,
                // Classes that were not asked for.
                None if !self.classes.is_empty() => return Ok(()),
                None => {
                    data.classes.push(label);
                    data.classes.len() - 1
                }
            };
            data.texts.push((row.words(text)?, class, group));
        } else {
            for (class, name) in self.classes.iter().enumerate() {
                data.texts.push((row.words(name)?, class, group));
            }
        }
        if let Some(scenario) = &self.scenario {
            data.scenarios.insert((group, row.words(scenario)?));
        }
        Ok(())
    }
}

fn of_dataset(dataset: &AnyDataset) -> Data {
    let manifest = dataset.manifest();
    let (name, licence) = (manifest.name.clone(), manifest.licence.clone());
    let source = DataSource { name, sha256: dataset.sha256().into(), licence };
    let classes = dataset.classes().iter().map(|&class| class.to_owned()).collect();
    let mut data = Data::new(source, classes);
    for one in dataset.labelled() {
        if one.group as usize == data.groups.len() {
            data.groups.push(one.group_name);
        }
        data.texts.push((one.text, one.class, one.group));
        data.scenarios.extend(one.scenario.map(|scenario| (one.group, scenario)));
    }
    data
}

impl Data {
    fn new(source: DataSource, classes: Vec<String>) -> Self {
        Self { source, classes, texts: Vec::new(), scenarios: BTreeSet::new(), groups: Vec::new() }
    }

    pub(crate) fn texts(&self) -> Vec<AuditText<'_>> {
        self.texts.iter().map(|(text, class, group)| AuditText { text, class: *class, group: *group }).collect()
    }

    pub(crate) fn beside(&self) -> Vec<(&str, u64)> {
        self.scenarios.iter().map(|(group, text)| (text.as_str(), *group)).collect()
    }

    /// The name of a text by its number.
    fn name(&self, text: usize) -> String {
        let of_texts = self.texts.iter().map(|(_, class, group)| (self.classes[*class].as_str(), *group));
        let all = of_texts.chain(self.scenarios.iter().map(|(group, _)| ("scenario", *group)));
        let name = |(of, group): (&str, u64)| format!("{}, {of}", self.groups[group as usize]);
        all.map(name).nth(text).unwrap_or_default()
    }
}

/// A line for each limit, and how many are passed over.
pub(crate) fn verdicts(found: &Audited) -> String {
    let mut lines = String::new();
    for counts in &found.classes {
        let _ = writeln!(lines, "{}: {} texts in {} groups", counts.class, counts.texts, counts.groups);
    }
    let width =
        |of: fn(&Verdict) -> &str| found.verdicts.iter().map(|verdict| of(verdict).chars().count()).max().unwrap_or(0);
    let (what, classes) = (width(|verdict| &verdict.what), width(|verdict| &verdict.classes));
    for verdict in &found.verdicts {
        let word = if verdict.over { "over" } else { "ok" };
        let (of, allowed, number) = (&verdict.classes, &verdict.allowed, verdict.found.to_string());
        let _ = writeln!(lines, "{word:<4}  {:what$}  {of:classes$}  {number:<42} {allowed}", verdict.what);
    }
    let _ = write!(lines, "{} of {} limits are passed over", found.over().count(), found.verdicts.len());
    lines
}

const NOTE: &str = "\
    TF-IDF, first words, length and punctuation are seen by a logistic probe (C = 1) whose vocabulary and scale come from its \
    training folds; groups are whole.\n\
    Its AUROC is the mean over several splits into folds, since one split is noisy; its interval resamples groups and takes the \
    scores as given; its p is of the same mean under labels shuffled as the design allows.\n\
    No p counts for the other questions of this report.\n\
    A baseline at chance does not show that nothing but meaning tells the classes apart: it shows that what was counted does not.";

/// Everything that was found.
pub(crate) fn report(data: &Data, found: &Audited, limits: &Limits, provenance: Provenance) -> Report {
    let report = Report::new("audit", format!("What the texts of {} give away", data.source.name), provenance)
        .note(NOTE)
        .table(limited(found))
        .bars(
            bars("tf_idf", "AUROC by TF-IDF, out of fold", found, |told| told.is_tf_idf)
                .reference(limits.tf_idf, "limit"),
        )
        .bars(
            bars("first_words", "AUROC by first words, length and marks, out of fold", found, |told| !told.is_tf_idf)
                .reference(limits.first_words, "limit of first words"),
        )
        .bars(by_length(found, limits))
        .lines(quantiles(found));
    [counts(found), lengths(found), separated(found), telling(found), openings(found), ends(found)]
        .into_iter()
        .chain(repeats(data, found))
        .fold(report, Report::table)
}

fn limited(found: &Audited) -> Table {
    let heading = format!("{} of {} limits are passed over", found.over().count(), found.verdicts.len());
    let table = Table::new(heading, ["limit", "classes", "allowed", "found", ""]);
    found.verdicts.iter().fold(table, |table, verdict| {
        let number = match &verdict.found {
            Found::Estimate(estimate) => estimate.into(),
            Found::Count(count) => (*count).into(),
            Found::Alike => "all alike".into(),
        };
        let word = if verdict.over { "over" } else { "ok" };
        let words = [&verdict.what, &verdict.classes, &verdict.allowed].map(|words| Cell::from(words.as_str()));
        table.row(words.into_iter().chain([number, word.into()]))
    })
}

fn bars(name: &str, title: &str, found: &Audited, of: fn(&Told) -> bool) -> BarPlot {
    let plot = BarPlot::new(name, title).y_label("AUROC").y_range(0.0, 1.0).reference(0.5, "chance");
    let names: Vec<&String> = found.separated[0].by.iter().filter(|told| of(told)).map(|told| &told.name).collect();
    names.into_iter().fold(plot, |plot, name| {
        let of_classes = |separated: &Separated| {
            let told = separated.by.iter().find(|told| told.name == *name)?;
            Some((separated.classes.join(" vs "), told.auroc.clone()))
        };
        plot.series(name, found.separated.iter().filter_map(of_classes))
    })
}

fn by_length(found: &Audited, limits: &Limits) -> BarPlot {
    let plot = BarPlot::new("length", "How often a text of the first class is longer")
        .y_label("AUROC")
        .y_range(0.0, 1.0)
        .reference(*limits.length.start(), "least allowed")
        .reference(*limits.length.end(), "most allowed");
    found.lengths.iter().fold(plot, |plot, lengths| {
        let bars = lengths.pairs.iter().map(|pair| (pair.classes.join(" vs "), pair.auroc.clone()));
        plot.series(lengths.unit.to_string(), bars)
    })
}

fn quantiles(found: &Audited) -> LinePlot {
    let plot =
        LinePlot::new("words", "Words of a text").x_label("percent of the texts that are shorter").y_label("words");
    let words = found.lengths.iter().filter(|lengths| lengths.unit == Unit::Words);
    words.flat_map(|lengths| &lengths.classes).fold(plot, |plot, of| {
        plot.series(&of.class, of.quantiles.iter().map(|(share, words)| (100.0 * share, words.clone())))
    })
}

fn counts(found: &Audited) -> Table {
    let table = Table::new("Texts and groups", ["class, or texts of each class in a group", "texts", "groups"]);
    let of_class = found.classes.iter().map(|of| [of.class.clone().into(), of.texts.into(), of.groups.into()]);
    let makes = found.makes.iter().take(10).map(|make| {
        let of_each: Vec<String> = make.texts.iter().map(usize::to_string).collect();
        let texts = make.texts.iter().sum::<usize>() * make.groups;
        [of_each.join(" + ").into(), texts.into(), make.groups.into()]
    });
    of_class.chain(makes).fold(table, Table::row)
}

fn lengths(found: &Audited) -> Table {
    let table = Table::new("Lengths", ["class", "in", "mean", "standard deviation"]);
    let rows = found.lengths.iter().flat_map(|lengths| {
        let unit = lengths.unit.to_string();
        lengths.classes.iter().map(move |of| {
            [of.class.clone().into(), unit.clone().into(), Cell::from(&of.mean), Cell::from(&of.deviation)]
        })
    });
    rows.fold(table, Table::row)
}

fn separated(found: &Audited) -> Table {
    let table = Table::new("How well the classes are told apart", ["classes", "by", "AUROC", "accuracy", "chance"]);
    let rows = found.separated.iter().flat_map(|separated| {
        separated.by.iter().map(|told| {
            let chance = format!("{:.3}", told.chance);
            let name = told.name.clone().into();
            [
                separated.classes.join(" vs ").into(),
                name,
                Cell::from(&told.auroc),
                Cell::from(&told.accuracy),
                chance.into(),
            ]
        })
    });
    rows.fold(table, Table::row)
}

fn telling(found: &Audited) -> Table {
    let table = Table::new("The most telling words", ["classes", "for the first", "for the second"]);
    let pairs = found.separated.iter().filter(|separated| separated.classes.len() == 2);
    pairs.fold(table, |table, pair| {
        let words = |first: bool| {
            let of = pair.telling.iter().filter(|telling| (telling.weight > 0.0) == first);
            let words: Vec<String> = of.map(|telling| format!("{} {:+.2}", telling.word, telling.weight)).collect();
            Cell::from(words.join(", "))
        };
        table.row([pair.classes.join(" vs ").into(), words(true), words(false)])
    })
}

fn openings(found: &Audited) -> Table {
    let table = Table::new("The most common openings", ["class", "words", "opening", "share"]);
    let rows = found.openings.iter().map(|opening| {
        [opening.class.clone().into(), opening.n_words.into(), opening.words.clone().into(), Cell::from(&opening.share)]
    });
    rows.fold(table, Table::row)
}

fn ends(found: &Audited) -> Table {
    let marks = found.ends.marks.iter().take(8);
    let table = Table::new("Texts by their last character", ["class"].into_iter().chain(marks.map(String::as_str)));
    found.classes.iter().zip(&found.ends.counts).fold(table, |table, (of, counts)| {
        let counts = counts.iter().take(8).map(|&count| count.into());
        table.row(std::iter::once(Cell::from(of.class.as_str())).chain(counts))
    })
}

/// Duplicates and phrases, where there are any.
fn repeats(data: &Data, found: &Audited) -> Vec<Table> {
    let repeats = &found.repeats;
    let of = ["text", "text", "", "share of phrases in both"];
    let heading = format!(
        "{} texts with the same words, {} that are nearly one; {} across groups",
        repeats.exact, repeats.near, repeats.across_groups
    );
    let duplicates = repeats.duplicates.iter().take(50).fold(Table::new(heading, of), |table, pair| {
        let kind = if pair.exact { "the same words" } else { "nearly one" };
        let [first, second] = pair.texts.map(|text| data.name(text).into());
        table.row([first, second, kind.into(), format!("{:.2}", pair.similarity).into()])
    });
    let heading = format!("{} phrases of five words in more texts than allowed", repeats.repeated);
    let table = Table::new(heading, ["phrase", "texts", "groups"]);
    let phrases = repeats.n_grams.iter().take(50).fold(table, |table, phrase| {
        table.row([phrase.words.clone().into(), phrase.texts.into(), phrase.groups.into()])
    });
    let tables = [(repeats.duplicates.is_empty(), duplicates), (repeats.n_grams.is_empty(), phrases)];
    tables.into_iter().filter(|(empty, _)| !empty).map(|(_, table)| table).collect()
}
