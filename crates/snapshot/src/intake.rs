//! Objects as they are decoded: redacted where they come from a cluster, and what they hold alike kept once, a few at a time.
//! A whole page of pods that share nothing yet takes megabytes.

use meshlift_model::k8s::{Objects, Resource, Sharing};
use meshlift_model::snapshot::Outlines;

use crate::redact::redact_part;

/// Objects that wait until the others of their handful are there.
const HANDFUL: usize = 32;

/// Takes objects one by one.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    objects: Objects,
    /// The last ones.
    handful: Objects,
    sharing: Sharing,
    outlines: Outlines,
    /// What is never kept is dropped: objects come from a cluster, not from a file of ours.
    redacts: bool,
}

impl Intake {
    /// Of a cluster's objects.
    pub(crate) fn redacting() -> Self {
        Self { redacts: true, ..Self::default() }
    }

    /// Takes one.
    pub(crate) fn take<R: Resource>(&mut self, object: R) {
        let list = R::list_mut(&mut self.handful);
        list.push(object);
        if list.len() >= HANDFUL {
            self.settle();
        }
    }

    /// Objects of that kind.
    pub(crate) fn count<R: Resource>(&self) -> usize {
        R::list(&self.objects).len() + R::list(&self.handful).len()
    }

    /// Lets go of the objects of a kind that came after so many.
    pub(crate) fn go_back_to<R: Resource>(&mut self, count: usize) {
        self.settle();
        R::list_mut(&mut self.objects).truncate(count);
    }

    /// All came: spare room is given back.
    pub(crate) fn finish(&mut self) {
        self.settle();
        self.objects.shrink_to_fit();
        (self.handful, self.sharing) = (Objects::default(), Sharing::default());
    }

    /// What came, but for the last handful until [`Self::finish`].
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Where outlines go.
    pub(crate) fn outlines(&mut self) -> &mut Outlines {
        &mut self.outlines
    }

    /// The objects.
    pub(crate) fn into_objects(self) -> Objects {
        self.into_parts().0
    }

    /// The objects and their outlines.
    pub(crate) fn into_parts(mut self) -> (Objects, Outlines) {
        self.settle();
        (self.objects, self.outlines)
    }

    fn settle(&mut self) {
        if self.redacts {
            redact_part(&mut self.handful);
        }
        self.sharing.share(&mut self.handful);
        self.objects.take_from(&mut self.handful);
    }
}
