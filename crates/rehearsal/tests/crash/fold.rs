//! The journal's bytes, cut and damaged everywhere.

use meshlift_engine::Run;
use meshlift_ports::{JournalError, line_bytes, parse_line, parse_lines, whole_lines};
use meshlift_twin::traffic::Corner;

use crate::scene::Scene;

/// In lines that are longer than that, which hold a plan or stored objects, every so many bytes are tried.
const LONG: usize = 4_096;

/// The journal of a whole run.
fn journal(scene: &Scene) -> Vec<u8> {
    let rehearsal = scene.rehearsal(0);
    let mut stage = rehearsal.stage(Corner::BEST);
    stage.drive(&rehearsal.policy(), &mut |_| {}).unwrap();
    stage.journal().to_vec()
}

fn lines(journal: &[u8]) -> Vec<&[u8]> {
    journal.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Positions within a line: all, or all near both ends and some between.
fn positions(length: usize) -> impl Iterator<Item = usize> {
    let step = if length > LONG { length / 512 } else { 1 };
    (0..length).filter(move |at| *at < 64 || at + 64 >= length || at % step == 0)
}

#[test]
fn wherever_a_journal_is_cut_the_whole_lines_before_are_the_run() {
    let journal = journal(&Scene::small());
    let all = parse_lines("test", &journal).unwrap();
    let mut run = Run::open(&all[0]).unwrap();
    let mut start = 0;
    for (index, line) in lines(&journal).into_iter().enumerate() {
        for at in positions(line.len()) {
            assert_eq!(whole_lines(&journal[..start + at]).len(), start, "cut {at} bytes into line {index}");
        }
        let before = parse_lines("test", &journal[..start + line.len() / 2]).unwrap();
        assert_eq!(before, all[..index], "torn in line {index}");
        if index > 0 {
            run.apply(&all[index]).unwrap();
        }
        assert_eq!(line_bytes("test", &all[index]).unwrap(), line, "line {index} is written as it was read");
        start += line.len();
    }
    assert_eq!(start, journal.len());
    assert!(run.ended().is_some());
}

/// Each byte changed, or become a line break, is damage of its line.
fn damage_is_told(journal: &[u8]) {
    for (index, line) in lines(journal).into_iter().enumerate() {
        for at in positions(line.len() - 1) {
            for byte in [line[at] ^ 1, b'\n'] {
                let mut damaged = line.to_vec();
                damaged[at] = byte;
                let first = damaged.split_inclusive(|byte| *byte == b'\n').next().unwrap();
                let error = parse_line("test", index, first).unwrap_err();
                let told = match error {
                    JournalError::Damaged { line, .. } => line == index + 1,
                    JournalError::Read { .. } | JournalError::Write { .. } | JournalError::Stale { .. } => {
                        false
                    }
                };
                assert!(told, "byte {at} of line {index}");
            }
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_a_small_journal_is_told() {
    damage_is_told(&journal(&Scene::small()));
}

#[test]
fn a_changed_byte_anywhere_in_a_full_journal_is_told() {
    let journal = journal(&Scene::before());
    damage_is_told(&journal);
    // Two lines become one, one is lost, two change places.
    let all = lines(&journal);
    for index in 0..all.len() - 1 {
        let merged = [&all[index][..all[index].len() - 1], b" ", all[index + 1]].concat();
        assert!(parse_line("test", index, &merged).is_err(), "{index}");
        assert!(parse_line("test", index, all[index + 1]).is_err(), "{index}");
    }
}
