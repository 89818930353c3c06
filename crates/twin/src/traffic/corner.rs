//! Corners: what a snapshot cannot tell, fixed one way or the other.

use meshlift_model::traffic_constants as numbers;

/// What an app does at SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum App {
    /// Serves to the end of its grace.
    Kind,
    /// Closes its listener at once, finishes what it has in flight, and ends.
    Abrupt,
}

/// Which end of a range counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// The lower end.
    Fast,
    /// The upper end.
    Slow,
}

impl Pace {
    /// One of two numbers.
    #[must_use]
    pub const fn pick(self, fast: i64, slow: i64) -> i64 {
        match self {
            Self::Fast => fast,
            Self::Slow => slow,
        }
    }
}

/// A corner of the traffic model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Corner {
    /// The app at SIGTERM.
    pub app: App,
    /// Propagation of endpoints.
    pub endpoints: Pace,
    /// Start of proxies and apps.
    pub start: Pace,
}

impl Corner {
    /// Kind apps, fast endpoints, fast start.
    pub const BEST: Self = Self { app: App::Kind, endpoints: Pace::Fast, start: Pace::Fast };
    /// Abrupt apps, slow endpoints, slow start.
    pub const WORST: Self = Self { app: App::Abrupt, endpoints: Pace::Slow, start: Pace::Slow };

    /// All eight.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for app in [App::Kind, App::Abrupt] {
            for endpoints in [Pace::Fast, Pace::Slow] {
                all.extend([Pace::Fast, Pace::Slow].map(|start| Self { app, endpoints, start }));
            }
        }
        all
    }

    /// From a pod's change to its EndpointSlice.
    #[must_use]
    pub const fn slice_millis(self) -> i64 {
        self.endpoints.pick(numbers::ENDPOINT_SLICE_FAST_MILLIS, numbers::ENDPOINT_SLICE_SLOW_MILLIS)
    }

    /// From the end of istiod's debounce to the proxies' use of it.
    #[must_use]
    pub const fn push_millis(self) -> i64 {
        self.endpoints.pick(numbers::PUSH_FAST_MILLIS, numbers::PUSH_SLOW_MILLIS)
    }

    /// From a slice to the rules of kube-proxy.
    #[must_use]
    pub const fn kube_proxy_millis(self) -> i64 {
        self.endpoints.pick(numbers::KUBE_PROXY_FAST_MILLIS, numbers::KUBE_PROXY_SLOW_MILLIS)
    }

    /// From a pod's change to the load balancer's list.
    #[must_use]
    pub const fn load_balancer_millis(self) -> i64 {
        self.endpoints.pick(numbers::LOAD_BALANCER_FAST_MILLIS, numbers::LOAD_BALANCER_SLOW_MILLIS)
    }

    /// From a proxy's start to its being ready.
    #[must_use]
    pub const fn proxy_ready_millis(self) -> i64 {
        self.start.pick(numbers::PROXY_READY_FAST_MILLIS, numbers::PROXY_READY_SLOW_MILLIS)
    }

    /// From an app container's start to its listening.
    #[must_use]
    pub const fn app_listens_millis(self) -> i64 {
        self.start.pick(numbers::APP_LISTENS_FAST_MILLIS, numbers::APP_LISTENS_SLOW_MILLIS)
    }
}

impl std::fmt::Display for Corner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let app = match self.app {
            App::Kind => "kind",
            App::Abrupt => "abrupt",
        };
        let word = |pace| match pace {
            Pace::Fast => "fast",
            Pace::Slow => "slow",
        };
        write!(f, "{app} apps, {} endpoints, {} start", word(self.endpoints), word(self.start))
    }
}
