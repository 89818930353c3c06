//! The file journal: durable lines, torn ends, damage, newer formats, one writer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use meshlift_driver::FileJournal;
use meshlift_model::digest::short_digest;
use meshlift_model::journal::{Command, JournalLine, Record, RunResult};
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, JournalPort, line_bytes};

fn line(sequence: u64) -> JournalLine {
    let record = match sequence {
        0 => Record::Command { command: Command::Pause },
        _ => Record::Ended { result: RunResult::Waiting, reason: format!("line {sequence}") },
    };
    JournalLine { sequence, at: Time::from_millis(1_800_000_000_123), record }
}

fn written(folder: &Path, lines: u64) -> PathBuf {
    let path = folder.join("run.jsonl");
    let mut journal = FileJournal::open(&path).unwrap();
    for sequence in 0..lines {
        journal.append(&line(sequence)).unwrap();
    }
    path
}

fn append(path: &Path, text: &[u8]) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text).unwrap();
}

#[test]
fn lines_are_there_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), 3);
    let mut journal = FileJournal::open(&path).unwrap();
    assert_eq!(journal.lines().unwrap(), [line(0), line(1), line(2)]);
    journal.append(&line(3)).unwrap();
    assert_eq!(journal.lines().unwrap().len(), 4);
}

#[test]
fn a_torn_last_line_counts_as_absent_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), 3);
    let whole = std::fs::read(&path).unwrap();
    let two = whole.len() - line_bytes("test", &line(2)).unwrap().len();
    for length in two..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let mut journal = FileJournal::open(&path).unwrap();
        assert_eq!(journal.lines().unwrap(), [line(0), line(1)], "{length}");
        journal.append(&line(2)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole, "{length}");
    }
}

#[test]
fn damage_elsewhere_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), 3);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("line 1", "li\"ne 1", 1)).unwrap();
    let error = FileJournal::open(&path).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { line: 2, .. }), "{error}");

    let second = text.lines().nth(1).unwrap();
    std::fs::write(&path, text.replace(&format!("{second}\n"), "")).unwrap();
    let error = FileJournal::open(&path).unwrap_err();
    assert!(error.to_string().contains("it says that it is line 3"), "{error}");
}

#[test]
fn a_record_that_is_not_known_is_damage_and_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), 1);
    let text = "{\"sequence\":1,\"at\":\"2026-11-23T20:00:00Z\",\"record\":\"surprise\"";
    let sum = short_digest(format!("{text}}}").as_bytes());
    append(&path, format!("{text},\"sum\":\"{sum}\"}}\n").as_bytes());
    let error = FileJournal::open(&path).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("surprise"), "{error}");
}

#[test]
fn a_newer_format_is_called_newer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let text =
        "{\"sequence\":0,\"at\":\"2026-11-23T20:00:00Z\",\"record\":\"started\",\"format_version\":2}\n";
    std::fs::write(&path, text).unwrap();
    let error = FileJournal::open(&path).unwrap_err().to_string();
    assert!(error.contains("its format is 2, this meshlift reads up to 1"), "{error}");
}

#[test]
fn only_one_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), 1);
    let _first = FileJournal::open(&path).unwrap();
    let error = FileJournal::open(&path).unwrap_err().to_string();
    assert!(error.contains("another process"), "{error}");
}

#[test]
fn a_line_out_of_turn_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::open(&folder.path().join("run.jsonl")).unwrap();
    let error = journal.append(&line(1)).unwrap_err();
    assert!(matches!(error, JournalError::Stale { expected: 1, found: 0, .. }), "{error}");
}
