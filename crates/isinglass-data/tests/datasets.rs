//! The workspace's own data sets are what their manifests say.

use std::{error::Error, fs, path::Path};

use isinglass_data::{AnyDataset, UNSTATED};

#[test]
fn every_data_set_is_what_its_manifest_says() -> Result<(), Box<dyn Error>> {
    let datasets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
    let mut n_datasets = 0;
    for entry in fs::read_dir(datasets)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        n_datasets += 1;

        let dataset = AnyDataset::open(&folder).map_err(|error| format!("{}: {error:?}", folder.display()))?;
        let manifest = dataset.manifest();
        assert_eq!(folder.file_name(), Some(manifest.name.as_ref()), "a data set has its folder's name");
        for (field, value) in [
            ("licence", &manifest.licence),
            ("source", &manifest.source),
            ("written_by", &manifest.written_by),
            ("labelled_by", &manifest.labelled_by),
            ("created", &manifest.created),
        ] {
            assert_ne!(value, UNSTATED, "`{field}` of `{}` must be stated", manifest.name);
        }
        let readme = folder.join("README.md");
        assert!(readme.is_file(), "`{}` is missing: every data set has its datasheet", readme.display());
    }
    assert!(n_datasets > 0, "no data set found");
    Ok(())
}
