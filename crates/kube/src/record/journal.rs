//! The journal of one run, in the cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};
use meshlift_model::journal::JournalLine;
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, JournalPort, line_bytes, parse_lines};

use super::api::{already_exists, ask, insist, is_conflict, is_forbidden, is_not_found, may_pass};
use super::lease::{HeldLease, Holder};
use super::seal::{Head, seal, unseal};
use super::{FIELD_MANAGER, LOOK_COUNTS, RecordError, object_name};
use crate::Connection;
use crate::clock::now;

/// How long an append is tried while the API server does not answer, or while the Lease has run out: nothing is
/// submitted meanwhile.
const APPEND_SECONDS_MAX: i64 = 180;
/// How long an append is tried that is not permitted.
const STARTING_SECONDS: i64 = 30;
/// Between two tries.
const RETRY: Duration = Duration::from_secs(2);

/// The journal of a run that this process executes: it holds the run's Lease.
#[derive(Debug)]
pub struct ClusterJournal {
    connection: Connection,
    lease: Option<HeldLease>,
    book: Book,
}

/// What is written, and where.
#[derive(Clone, Debug)]
struct Book {
    maps: Api<ConfigMap>,
    run: String,
    namespace: String,
    head: Head,
    /// The head as the API server has it: uid and resourceVersion.
    stored: ConfigMap,
    lines: Vec<JournalLine>,
}

impl ClusterJournal {
    /// Begins an empty journal and becomes its executor.
    ///
    /// # Errors
    /// Where a run of that name is there, or the API server refuses.
    pub fn create(
        connection: &Connection,
        namespace: &str,
        run: &str,
        holder: &Holder,
    ) -> Result<Self, RecordError> {
        let client = connection.client();
        connection.wait(async {
            let maps = Api::namespaced(client.clone(), namespace);
            let head = Head { executor: holder.0.clone(), ..Head::default() };
            let stored = create_head(&maps, &head, run, namespace).await?;
            let lease = HeldLease::acquire(client, namespace, run, holder, false).await?;
            let (run, namespace) = (run.to_owned(), namespace.to_owned());
            let book = Book { maps, run, namespace, head, stored, lines: Vec::new() };
            Ok(Self { connection: connection.clone(), lease: Some(lease), book })
        })
    }

    /// Takes a journal over: where nobody executes the run, or by force. Rewriting the head fences off whoever
    /// executed it before.
    ///
    /// # Errors
    /// Where there is no such run, somebody else executes it, or it cannot be read.
    pub fn take_over(
        connection: &Connection,
        namespace: &str,
        run: &str,
        holder: &Holder,
        by_force: bool,
    ) -> Result<Self, RecordError> {
        let client = connection.client();
        connection.wait(async {
            let maps = Api::namespaced(client.clone(), namespace);
            // A run that is not there needs no Lease.
            read(&maps, namespace, run).await?;
            let lease = HeldLease::acquire(client, namespace, run, holder, by_force).await?;
            let book = fence(maps, namespace, run, holder).await?;
            if by_force {
                // What the former executor was about to write when it last looked has arrived by then.
                tokio::time::sleep(LOOK_COUNTS + RETRY).await;
            }
            Ok(Self { connection: connection.clone(), lease: Some(lease), book })
        })
    }

    /// Name of the run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.book.run
    }

    /// What this process calls itself in the journal's head.
    #[must_use]
    pub fn executor(&self) -> &str {
        &self.book.head.executor
    }

    /// Says that nobody executes the run any more.
    pub fn release(mut self) {
        if let Some(lease) = self.lease.take() {
            self.connection.wait(lease.release());
        }
    }
}

impl JournalPort for ClusterJournal {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        let place = self.book.place();
        let found = self.book.lines.len() as u64;
        if line.sequence != found {
            return Err(JournalError::Stale { place, expected: line.sequence, found });
        }
        let text = String::from_utf8(line_bytes(&place, line)?)
            .map_err(|error| JournalError::Write { place, reason: error.to_string() })?;
        let deadline = now().plus_seconds(APPEND_SECONDS_MAX);
        let lease = self.lease.as_ref();
        self.connection.wait(async {
            self.book.while_valid(lease, deadline).await?;
            self.book.append(&text, deadline).await
        })?;
        self.book.lines.push(line.clone());
        Ok(())
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        Ok(self.book.lines.clone())
    }
}

impl Book {
    fn place(&self) -> String {
        format!("ConfigMap {}/{}", self.namespace, object_name(&self.run))
    }

    fn write_error(&self, reason: impl ToString) -> JournalError {
        JournalError::Write { place: self.place(), reason: reason.to_string() }
    }

    /// Waits until the Lease counts again.
    async fn while_valid(&self, lease: Option<&HeldLease>, deadline: Time) -> Result<(), JournalError> {
        while !lease.is_some_and(HeldLease::is_valid) {
            if lease.is_none_or(HeldLease::is_taken) {
                return Err(self.write_error("another process executes this run now"));
            }
            if now() >= deadline {
                return Err(self.write_error("the run's Lease could not be renewed"));
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(())
    }

    async fn append(&mut self, text: &str, deadline: Time) -> Result<(), JournalError> {
        let mut next = self.head.clone();
        let owner = self.stored.metadata.clone();
        self.add(&mut next, text, Some(&owner), deadline).await?;
        if self.replace(next, deadline).await? == Replaced::Gone {
            self.restore(text, deadline).await?;
        }
        Ok(())
    }

    /// Adds lines to a head; seals what it holds once that is too much.
    async fn add(
        &self,
        head: &mut Head,
        text: &str,
        owner: Option<&ObjectMeta>,
        deadline: Time,
    ) -> Result<(), JournalError> {
        head.open.push_str(text);
        if head.is_full() {
            let sealed = seal(&head.open, head.sealed.len(), &self.run, &self.namespace, owner);
            let sealed = sealed.map_err(|reason| self.write_error(reason))?;
            self.create_sealed(&sealed, deadline).await?;
            head.sealed.push(sealed.metadata.name.unwrap_or_default());
            head.open.clear();
        }
        Ok(())
    }

    /// A chunk of that name has that content already.
    async fn create_sealed(&self, sealed: &ConfigMap, deadline: Time) -> Result<(), JournalError> {
        loop {
            let what = format!("create ConfigMap {}", sealed.metadata.name.as_deref().unwrap_or_default());
            match ask(what, self.maps.create(&params(), sealed)).await {
                Ok(_) => return Ok(()),
                Err(error) if already_exists(&error) => return Ok(()),
                Err(error) if (may_pass(&error) || is_conflict(&error)) && now() < deadline => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(self.write_error(told(&error))),
            }
        }
    }

    /// Replaces the head at the version that was read last. An answer that was lost is looked for.
    async fn replace(&mut self, next: Head, deadline: Time) -> Result<Replaced, JournalError> {
        let name = object_name(&self.run);
        let starting = now().plus_seconds(STARTING_SECONDS);
        loop {
            let mut object = next.object(&self.run, &self.namespace);
            // A head that was deleted and made anew by somebody else is another one.
            object.metadata.uid.clone_from(&self.stored.metadata.uid);
            object.metadata.resource_version.clone_from(&self.stored.metadata.resource_version);
            let what = format!("update ConfigMap {name}");
            let error = match ask(what, self.maps.replace(&name, &params(), &object)).await {
                Ok(stored) => {
                    (self.head, self.stored) = (next, stored);
                    return Ok(Replaced::Yes);
                }
                Err(error) => error,
            };
            if is_not_found(&error) {
                return Ok(Replaced::Gone);
            }
            // It was permitted a line ago: an API server that starts refuses everybody for a while.
            let passes =
                is_conflict(&error) || may_pass(&error) || (is_forbidden(&error) && now() < starting);
            if !passes || now() >= deadline {
                return Err(self.write_error(told(&error)));
            }
            if !is_conflict(&error) {
                tokio::time::sleep(RETRY).await;
            }
            if let Some(replaced) = self.look(&next).await? {
                return Ok(replaced);
            }
        }
    }

    /// What the API server has after an append that failed: whether it is there after all, or nothing is; `None` where
    /// it has to be tried again. Somebody who only labelled the head changed its version; somebody who extended it
    /// executes the run now.
    async fn look(&mut self, next: &Head) -> Result<Option<Replaced>, JournalError> {
        let name = object_name(&self.run);
        let stored = match ask(format!("get ConfigMap {name}"), self.maps.get_opt(&name)).await {
            Ok(Some(stored)) => stored,
            // To Kubernetes 1.32, replacing what is gone is a conflict: its uid is not the one that was asked for.
            Ok(None) => return Ok(Some(Replaced::Gone)),
            Err(error) if may_pass(&error) || is_forbidden(&error) => return Ok(None),
            Err(error) => return Err(self.write_error(told(&error))),
        };
        let found = Head::read(&stored);
        if stored.metadata.uid != self.stored.metadata.uid || found.executor != next.executor {
            return Err(self.write_error(format!("{} executes this run now", found.executor)));
        }
        if found == *next {
            (self.head, self.stored) = (found, stored);
            return Ok(Some(Replaced::Yes));
        }
        if found != self.head {
            return Err(self.write_error("somebody changed its lines"));
        }
        self.stored = stored;
        Ok(None)
    }

    /// Somebody deleted the head, and garbage collection what was sealed: all of it is written anew from memory,
    /// the head last. Creating is atomic: where another process was faster, that one executes the run.
    async fn restore(&mut self, text: &str, deadline: Time) -> Result<(), JournalError> {
        let mut head = Head { executor: self.head.executor.clone(), ..Head::default() };
        for line in &self.lines {
            let bytes = line_bytes(&self.place(), line)?;
            self.add(&mut head, &String::from_utf8_lossy(&bytes), None, deadline).await?;
        }
        self.add(&mut head, text, None, deadline).await?;
        let created = create_head(&self.maps, &head, &self.run, &self.namespace).await;
        self.stored = created.map_err(|error| self.write_error(told(&error)))?;
        self.head = head;
        Ok(())
    }
}

/// What became of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaced {
    Yes,
    /// There is nothing to replace.
    Gone,
}

/// All that is stored of a run: its head and its lines.
pub(super) async fn read(
    maps: &Api<ConfigMap>,
    namespace: &str,
    run: &str,
) -> Result<(ConfigMap, Head, Vec<JournalLine>), RecordError> {
    let name = object_name(run);
    let stored = insist(format!("get ConfigMap {namespace}/{name}"), || maps.get_opt(&name)).await?;
    let stored =
        stored.ok_or_else(|| RecordError::NoRun { run: run.to_owned(), namespace: namespace.to_owned() })?;
    let head = Head::read(&stored);
    let mut bytes = Vec::new();
    for name in &head.sealed {
        let chunk = insist(format!("get ConfigMap {namespace}/{name}"), || maps.get_opt(name)).await?;
        let lines = chunk.as_ref().map_or_else(|| Err("it is not there".to_owned()), unseal);
        bytes.extend(lines.map_err(|reason| RecordError::Damaged {
            run: run.to_owned(),
            reason: format!("ConfigMap {namespace}/{name}: {reason}"),
        })?);
    }
    bytes.extend_from_slice(head.open.as_bytes());
    let lines = parse_lines(&format!("ConfigMap {namespace}/{name}"), &bytes);
    let lines = lines.map_err(|source| RecordError::Journal { run: run.to_owned(), source })?;
    Ok((stored, head, lines))
}

/// Reads a run and writes its head in this executor's name, at the version that was read: whoever executed it
/// before finds every later append refused.
async fn fence(
    maps: Api<ConfigMap>,
    namespace: &str,
    run: &str,
    holder: &Holder,
) -> Result<Book, RecordError> {
    let name = object_name(run);
    let deadline = now().plus_seconds(APPEND_SECONDS_MAX);
    loop {
        let (stored, read, lines) = read(&maps, namespace, run).await?;
        let head = Head { executor: holder.0.clone(), ..read };
        let mut object = head.object(run, namespace);
        object.metadata.uid.clone_from(&stored.metadata.uid);
        object.metadata.resource_version.clone_from(&stored.metadata.resource_version);
        match ask(format!("update ConfigMap {name}"), maps.replace(&name, &params(), &object)).await {
            Ok(stored) => {
                let (run, namespace) = (run.to_owned(), namespace.to_owned());
                return Ok(Book { maps, run, namespace, head, stored, lines });
            }
            // The former executor appended once more: that line is part of the run.
            Err(error) if (is_conflict(&error) || may_pass(&error)) && now() < deadline => {
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn create_head(
    maps: &Api<ConfigMap>,
    head: &Head,
    run: &str,
    namespace: &str,
) -> Result<ConfigMap, RecordError> {
    let object = head.object(run, namespace);
    let name = object_name(run);
    let taken = || RecordError::Taken { run: run.to_owned(), namespace: namespace.to_owned() };
    let deadline = now().plus_seconds(APPEND_SECONDS_MAX);
    let mut unclear = false;
    loop {
        match ask(format!("create ConfigMap {name}"), maps.create(&params(), &object)).await {
            // An earlier try arrived after all, if it is what was sent.
            Err(error) if already_exists(&error) && unclear => {
                let stored = insist(format!("get ConfigMap {name}"), || maps.get_opt(&name)).await?;
                return stored.filter(|stored| Head::read(stored) == *head).ok_or_else(taken);
            }
            Err(error) if already_exists(&error) => return Err(taken()),
            Err(error) if (may_pass(&error) || is_conflict(&error)) && now() < deadline => {
                unclear = true;
                tokio::time::sleep(RETRY).await;
            }
            other => return other,
        }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// An error with what caused it, in one line: the journal's own error carries text.
fn told(error: &RecordError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
