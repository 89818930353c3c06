//! Runs as anybody may read them.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ListParams};
use meshlift_model::defaults::HOLD;
use meshlift_model::journal::JournalLine;

use super::api::{insist, is_not_found};
use super::lease::{self, LeaseState};
use super::{RUN_LABEL, RecordError, journal, object_name};
use crate::Connection;

/// Runs that are listed at once; more are found by name.
const RUNS_MAX: u32 = 500;

/// Reads the runs of a namespace, and writes nothing.
#[derive(Clone, Debug)]
pub struct RunBook {
    connection: Connection,
    namespace: String,
}

/// One run, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// Name.
    pub run: String,
    /// When it began, in seconds since 1970.
    pub created_seconds: i64,
}

impl RunBook {
    /// The runs of that namespace.
    #[must_use]
    pub fn new(connection: &Connection, namespace: &str) -> Self {
        Self { connection: connection.clone(), namespace: namespace.to_owned() }
    }

    /// All runs, newest first.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn runs(&self) -> Result<Vec<RunSummary>, RecordError> {
        let maps = self.maps();
        let params = ListParams::default().labels(RUN_LABEL).limit(RUNS_MAX);
        let what = format!("list ConfigMaps {}", self.namespace);
        let found = self.connection.wait(insist(what, || maps.list(&params)))?;
        let mut runs: Vec<RunSummary> = found.items.iter().filter_map(summary).collect();
        runs.sort_by(|a, b| (b.created_seconds, &b.run).cmp(&(a.created_seconds, &a.run)));
        Ok(runs)
    }

    /// The run of that name; `None` where there is none.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn run(&self, run: &str) -> Result<Option<RunSummary>, RecordError> {
        let (maps, name) = (self.maps(), object_name(run));
        let found = self.connection.wait(insist(format!("get ConfigMap {name}"), || maps.get_opt(&name)))?;
        Ok(found.as_ref().and_then(summary))
    }

    /// The lines of a run.
    ///
    /// # Errors
    /// Where there is no such run, or it cannot be read.
    pub fn lines(&self, run: &str) -> Result<Vec<JournalLine>, RecordError> {
        let maps = self.maps();
        let read = self.connection.wait(journal::read(&maps, &self.namespace, run))?;
        Ok(read.2)
    }

    /// Who executes a run; `None` where nobody ever did.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn lease(&self, run: &str) -> Result<Option<LeaseState>, RecordError> {
        self.connection.wait(lease::state(self.connection.client(), &self.namespace, run))
    }

    /// What the annotation that holds every run says; `None` where nobody holds them.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn hold(&self) -> Result<Option<String>, RecordError> {
        let namespaces: Api<Namespace> = Api::all(self.connection.client().clone());
        let what = format!("get Namespace {}", self.namespace);
        let found = self.connection.wait(insist(what, || namespaces.get_opt(&self.namespace)))?;
        Ok(found.and_then(|found| found.metadata.annotations?.get(HOLD).cloned()))
    }

    /// Deletes all objects of a run: commands, Lease, and at last the journal, whose sealed chunks go with its
    /// head. Gives how many objects were deleted by name.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn forget(&self, run: &str) -> Result<usize, RecordError> {
        let leases: Api<Lease> = Api::namespaced(self.connection.client().clone(), &self.namespace);
        let (maps, name, params) = (self.maps(), object_name(run), DeleteParams::background());
        self.connection.wait(async {
            let commands = format!("{name}-commands");
            let mut deleted = 0;
            deleted += gone(
                insist(format!("delete ConfigMap {commands}"), || maps.delete(&commands, &params)).await,
            )?;
            deleted += gone(insist(format!("delete Lease {name}"), || leases.delete(&name, &params)).await)?;
            deleted +=
                gone(insist(format!("delete ConfigMap {name}"), || maps.delete(&name, &params)).await)?;
            Ok(deleted)
        })
    }

    fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.connection.client().clone(), &self.namespace)
    }
}

/// One that was deleted; none where it was not there.
fn gone<T>(answer: Result<T, RecordError>) -> Result<usize, RecordError> {
    match answer {
        Ok(_) => Ok(1),
        Err(error) if is_not_found(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// The run of a head; sealed chunks carry the label too.
fn summary(map: &ConfigMap) -> Option<RunSummary> {
    let run = map.metadata.labels.as_ref()?.get(RUN_LABEL)?.clone();
    let is_head = map.metadata.name.as_deref() == Some(object_name(&run).as_str());
    let created = map.metadata.creation_timestamp.as_ref();
    let created_seconds = created.map_or(0, |time| time.0.as_second());
    is_head.then_some(RunSummary { run, created_seconds })
}
