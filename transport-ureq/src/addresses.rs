//! Where hosts were found, remembered for a while.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long a host is where it was found.
const LIFETIME: Duration = Duration::from_secs(10);

/// ureq looks the host up for each request, also where a connection to it is kept, and with a time limit on a new thread: for
/// a course's worth of scores, that many questions to the name server.
#[derive(Debug, Default)]
pub(crate) struct RecentAddresses<R = DefaultResolver> {
    resolver: R,
    found: Mutex<Vec<Found>>,
}

#[derive(Debug)]
struct Found {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

impl<R: Resolver> RecentAddresses<R> {
    fn resolve_at(
        &self,
        now: Instant,
        uri: &Uri,
        resolve: impl FnOnce(&R) -> Result<ResolvedSocketAddrs, ureq::Error>,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(addresses) = self.recent(now, uri) {
            return Ok(addresses);
        }
        // Others need not wait for this lookup: it may be of another host.
        let addresses = resolve(&self.resolver)?;
        let found = Found {
            scheme: uri.scheme().cloned(),
            authority: uri.authority().cloned(),
            addresses: addresses.to_vec(),
            at: now,
        };
        self.found().push(found);
        Ok(addresses)
    }

    fn recent(&self, now: Instant, uri: &Uri) -> Option<ResolvedSocketAddrs> {
        let mut found = self.found();
        found.retain(|found| now.saturating_duration_since(found.at) < LIFETIME);
        let is_of = |found: &&Found| {
            (found.scheme.as_ref(), found.authority.as_ref()) == (uri.scheme(), uri.authority())
        };
        let found = found.iter().find(is_of)?;
        let mut addresses = self.resolver.empty();
        found.addresses.iter().for_each(|address| addresses.push(*address));
        Some(addresses)
    }

    /// It is whole between any two of its changes.
    fn found(&self) -> MutexGuard<'_, Vec<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Resolver> Resolver for RecentAddresses<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        self.resolve_at(Instant::now(), uri, |resolver| resolver.resolve(uri, config, timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says where a host is by how often it was asked.
    #[derive(Debug, Default)]
    struct Asked(Mutex<u16>);

    impl Resolver for Asked {
        fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            if uri.host() == Some("nowhere.example") {
                return Err(ureq::Error::HostNotFound);
            }
            let mut asked = self.0.lock().unwrap();
            *asked += 1;
            let mut addresses = self.empty();
            addresses.push(SocketAddr::from(([127, 0, 0, 1], *asked)));
            Ok(addresses)
        }
    }

    /// What is found at these seconds, by the ports.
    fn found(
        addresses: &RecentAddresses<Asked>,
        begun: Instant,
        lookups: &[(u64, &str)],
    ) -> Vec<Option<u16>> {
        let config = Config::builder().build();
        let find = |&(seconds, uri): &(u64, &str)| {
            let (now, uri) = (begun + Duration::from_secs(seconds), uri.parse().unwrap());
            let resolve = |resolver: &Asked| resolver.resolve(&uri, &config, NextTimeout::default());
            Some(addresses.resolve_at(now, &uri, resolve).ok()?[0].port())
        };
        lookups.iter().map(find).collect()
    }

    #[test]
    fn a_host_is_looked_up_again_after_ten_seconds() {
        let lookups = [(0, "https://a.example/1"), (9, "https://a.example/2"), (10, "https://a.example/3")];
        let addresses = RecentAddresses::default();
        assert_eq!(found(&addresses, Instant::now(), &lookups), [Some(1), Some(1), Some(2)]);
        assert_eq!(addresses.found().len(), 1);
    }

    #[test]
    fn each_scheme_host_and_port_is_looked_up() {
        let lookups = [
            (0, "https://a.example/"),
            (0, "https://b.example/"),
            (0, "https://a.example:8443/"),
            (0, "http://a.example/"),
            (0, "https://A.example/"),
        ];
        let expected = [Some(1), Some(2), Some(3), Some(4), Some(1)];
        assert_eq!(found(&RecentAddresses::default(), Instant::now(), &lookups), expected);
    }

    #[test]
    fn what_was_not_found_is_looked_up_again() {
        let lookups =
            [(0, "https://nowhere.example/"), (0, "https://a.example/"), (0, "https://nowhere.example/")];
        let addresses = RecentAddresses::default();
        assert_eq!(found(&addresses, Instant::now(), &lookups), [None, Some(1), None]);
        assert_eq!(addresses.found().len(), 1);
    }
}
