//! Where a request comes from: the address of its connection, and that of whoever a trusted proxy passes on.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv6Net};

use crate::identity_signers::is_from;

/// The header in which each proxy adds, at the end, the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Both addresses of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The other end of the connection: a proxy, where there is one.
    pub peer: IpAddr,
    /// Whoever asks, as far as that is known.
    pub client: IpAddr,
}

impl Addresses {
    /// Reads them; `trusted` are the proxies whose header is believed.
    pub(crate) fn read(request: &Request, trusted: &[IpNet]) -> Self {
        let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = connected.map_or(IpAddr::from([0, 0, 0, 0]), |connected| connected.0.ip());
        Self { peer, client: client(trusted, peer, request.headers()) }
    }

    /// Those that were read when the request came in.
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_else(|| Self::read(request, &[]))
    }

    /// The name under which requests of the client are counted. Of IPv6 it is the network of 64 bits, since whoever has
    /// one address of it mostly has them all.
    pub(crate) fn share(self) -> String {
        match self.client {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                Ipv6Net::new(address, 64).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
            }
        }
    }
}

/// The right-most address that is not trusted, of those in the header and the connection's own. What stands to the left
/// of it was written by the client, who can write anything.
fn client(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for hop in hops {
        if !is_from(trusted, client) {
            break;
        }
        // After something that is no address nothing is known: the proxy that passed it on counts.
        let Some(address) = address(hop) else { break };
        client = address;
    }
    client
}

/// An address as proxies write it: by itself, with a port, in brackets or in quotes.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Trusted: a load balancer's subnet, one proxy, and a network of IPv6.
    fn check(peer: &str, lines: &[&str], expect: &str) {
        let trusted = ["10.0.0.0/20", "10.9.9.9/32", "fd00:1::/32"].map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found = client(&trusted, peer.parse().unwrap(), &headers);
        assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }

    #[test]
    fn a_header_counts_from_a_trusted_proxy_alone() {
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("10.0.16.1", &["198.51.100.1"], "10.0.16.1");
        check("10.0.0.7", &["198.51.100.1"], "198.51.100.1");
        check("::ffff:10.0.0.7", &["198.51.100.1"], "198.51.100.1");
        check("10.0.0.7", &[], "10.0.0.7");
    }

    #[test]
    fn of_a_chain_the_right_most_that_is_not_trusted_counts() {
        check("10.0.0.7", &["1.1.1.1, 198.51.100.1"], "198.51.100.1");
        check("10.9.9.9", &["1.1.1.1, 198.51.100.1, 10.0.0.7"], "198.51.100.1");
        // A client that writes a trusted address does not become one.
        check("10.0.0.7", &["10.0.0.8, 198.51.100.1"], "198.51.100.1");
        // Several headers are one list, in their order.
        check("10.9.9.9", &["1.1.1.1, 198.51.100.1", "10.0.0.7"], "198.51.100.1");
        // Within the cluster everybody in the chain may be trusted: the first of them asks.
        check("10.9.9.9", &["10.0.0.3, 10.0.0.7"], "10.0.0.3");
    }

    #[test]
    fn addresses_of_ipv6_and_with_ports_are_read() {
        check("fd00:1::5", &["2001:db8::1"], "2001:db8::1");
        check("10.0.0.7", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("10.0.0.7", &["\"[2001:db8::1]\""], "2001:db8::1");
        check("10.0.0.7", &["198.51.100.1:4711"], "198.51.100.1");
        check("10.9.9.9", &["198.51.100.1, ::ffff:10.0.0.7"], "198.51.100.1");
        check("fd00:2::5", &["2001:db8::1"], "fd00:2::5");
    }

    #[test]
    fn what_is_no_address_ends_the_chain_at_the_proxy_that_passed_it_on() {
        for garbage in ["unknown", "", "1.1.1.1,", "1.1.1.1, 999.1.1.1", "a, b", "1.1.1.1; drop", "\u{e4}", "_hidden"] {
            check("10.0.0.7", &[garbage], "10.0.0.7");
        }
        check("10.9.9.9", &["nonsense, 10.0.0.7"], "10.0.0.7");
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_share_a_limit() {
        let share = |client: &str| {
            let client = client.parse().unwrap();
            Addresses { peer: client, client }.share()
        };
        assert_eq!(share("2001:db8::1"), share("2001:db8::ffff:1"));
        assert_ne!(share("2001:db8::1"), share("2001:db8:0:1::1"));
        assert_ne!(share("198.51.100.1"), share("198.51.100.2"));
    }
}
