//! The objects that one question needs, read now: nothing is kept from one question to the next.

use meshlift_model::effect::Failure;
use meshlift_model::k8s::{Objects, Resource};
use serde::de::DeserializeOwned;

use super::call::Calls;
use super::failure::CallError;
use super::places;

/// What was read, and what could not be.
pub(super) struct Reading<'a> {
    calls: &'a Calls,
    pub(super) objects: Objects,
    /// Sources that could not be read, with the reason.
    pub(super) unknown: Vec<String>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(calls: &'a Calls) -> Self {
        Self { calls, objects: Objects::default(), unknown: Vec::new() }
    }

    /// Reads the objects of a kind in a namespace (empty: in all), those that the selector chooses.
    pub(super) async fn need<R>(&mut self, namespace: &str, selector: &str) -> Result<(), Failure>
    where
        R: Resource + DeserializeOwned,
    {
        let found = self.listed::<R>(namespace, selector).await?;
        R::list_mut(&mut self.objects).extend(found);
        Ok(())
    }

    /// As [`Reading::need`]; where it fails, the source is unknown and the rest is read on.
    pub(super) async fn want<R>(&mut self, selector: &str)
    where
        R: Resource + DeserializeOwned,
    {
        match self.listed::<R>("", selector).await {
            Ok(found) => R::list_mut(&mut self.objects).extend(found),
            Err(error) => {
                let failure = Failure::from(error);
                self.unknown.push(format!("{}: {failure}", R::RESOURCE));
            }
        }
    }

    async fn listed<R>(&self, namespace: &str, selector: &str) -> Result<Vec<R>, CallError>
    where
        R: Resource + DeserializeOwned,
    {
        match self.calls.list::<R>(&places::collection_of::<R>(namespace), selector).await {
            // The cluster does not serve it: its CRD is not there.
            Err(error) if error.code() == Some(404) && !R::BUILT_IN => Ok(Vec::new()),
            other => other,
        }
    }

    /// Reads one object.
    pub(super) async fn one<R>(&mut self, namespace: &str, name: &str) -> Result<(), Failure>
    where
        R: Resource + DeserializeOwned,
    {
        let path = format!("{}/{name}", places::collection_of::<R>(namespace));
        let found: Option<R> = self.calls.get(&path).await?;
        R::list_mut(&mut self.objects).extend(found);
        Ok(())
    }
}
