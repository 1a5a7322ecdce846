//! EDGE: messages out, to servers that an administrator named and to no other.
//!
//! A URL or a mail server comes from a file that others may write, so it is not trusted: its host must be one of those that
//! the configuration names, a URL must be https, and neither a literal address nor one that a name resolves to may be
//! private. Nothing is redirected, and no proxy of the environment is used, which would look names up itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where messages may go.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    hosts: Vec<String>,
    private: Vec<IpNet>,
}

/// Why a message is not sent there. Shows the host and no path, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It is no URL.
    #[error("the address is no URL")]
    NoUrl,
    /// It is not https.
    #[error("the address is not https")]
    Scheme,
    /// It has a user or a password in it.
    #[error("the address has credentials in it; give a bearer token instead")]
    Credentials,
    /// Its host is not one that was named.
    #[error("host `{0}` is not among `alerts.hosts`; name it there if messages may go to it")]
    Host(String),
    /// Its address is private.
    #[error("`{0}` is a private address; name its network in `alerts.private_networks` if messages may go there")]
    Private(IpAddr),
    /// Its name leads nowhere.
    #[error("no address of `{0}` is known; check its name")]
    Unknown(String),
}

impl Outbound {
    /// Messages may go to these hosts, and to these private networks.
    pub fn new(hosts: &[String], private: &[IpNet]) -> Self {
        Self { hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(), private: private.to_vec() }
    }

    /// A URL that messages may go to.
    ///
    /// # Errors
    /// [`OutboundError`] says why not.
    pub fn checked(&self, url: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(url.trim()).map_err(|_| OutboundError::NoUrl)?;
        let host = url.host_str().ok_or(OutboundError::NoUrl)?.to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        if !self.hosts.contains(&host) {
            return Err(OutboundError::Host(host));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Credentials);
        }
        // In the clear only where nobody listens in: to this machine, and only if that was named twice.
        let local = address.is_some_and(|address| address.is_loopback() && self.allows(address));
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(OutboundError::Scheme);
        }
        match address {
            Some(address) if !self.allows(address) => Err(OutboundError::Private(address)),
            _ => Ok(url),
        }
    }

    /// A mail server that messages may go to, by its name.
    ///
    /// # Errors
    /// [`OutboundError::Host`] for one that the configuration does not name.
    pub fn named(&self, host: &str) -> Result<(), OutboundError> {
        let host = host.trim().to_ascii_lowercase();
        if self.hosts.contains(&host) { Ok(()) } else { Err(OutboundError::Host(host)) }
    }

    /// Where that server is, to connect to and to no other: names are not looked up again.
    ///
    /// # Errors
    /// [`OutboundError`] says why messages may not go there.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        self.named(host)?;
        let unknown = || OutboundError::Unknown(host.to_owned());
        let found = tokio::net::lookup_host((host.trim(), port)).await.map_err(|_| unknown())?.collect();
        let found = self.allowed(found)?;
        if found.is_empty() { Err(unknown()) } else { Ok(found) }
    }

    /// All of these, or none: one bad address is enough, since whoever answers with two wants the client to take the other
    /// one later.
    fn allowed(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, OutboundError> {
        match found.iter().map(SocketAddr::ip).find(|address| !self.allows(*address)) {
            Some(bad) => Err(OutboundError::Private(bad)),
            None => Ok(found),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.private.iter().any(|net| net.contains(&address.to_canonical()))
    }

    /// A client that resolves names to what may be reached alone.
    ///
    /// # Errors
    /// When no client can be made, as without certificates.
    pub fn client(&self, timeout: Duration) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(self.clone())))
            .build()
    }
}

/// A resolver that gives no address which may not be reached.
#[derive(Debug)]
struct Guarded(Outbound);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let outbound = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let found: Addrs = Box::new(outbound.allowed(found)?.into_iter());
            Ok(found)
        })
    }
}

/// Whether an address is one of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, ..)
    );
    !reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that carry another one are as public as that.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match a {
        // NAT64 by the well-known prefix, and 6to4.
        0x0064 if (b, c, d, e, f) == (0xff9b, 0, 0, 0, 0) => v4(g, h),
        0x2002 => v4(b, c),
        // Teredo, benchmarks, ORCHID and documentation.
        0x2001 if b < 0x0200 || b == 0x0db8 => false,
        // Global unicast is 2000::/3; whatever lies outside of it is something else.
        _ => (0x2000..=0x3fff).contains(&a) && !(a == 0x3fff && b < 0x1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_followed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/x", listener.local_addr().unwrap().port());
        let outbound = Outbound::new(&["localhost".to_owned()], &[]);
        assert!(outbound.checked(&url).is_ok(), "a name says nothing of where it leads");
        let client = outbound.client(Duration::from_secs(5)).unwrap();
        let error = client.post(&url).send().await.unwrap_err();
        let (mut said, mut cause) = (String::new(), std::error::Error::source(&error));
        while let Some(deeper) = cause {
            said.push_str(&deeper.to_string());
            cause = deeper.source();
        }
        assert!(said.contains("is a private address"), "{said}");
        let nobody_came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody_came.is_err());
        let opened =
            Outbound::new(&["localhost".to_owned()], &["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let client = opened.client(Duration::from_secs(5)).unwrap();
        let (came, answer) = tokio::join!(
            async {
                let stream = listener.accept().await;
                drop(stream);
            },
            client.post(&url).send()
        );
        assert!((came, answer.is_err()) == ((), true), "it was reached, and speaks no TLS");
    }

    #[tokio::test]
    async fn a_mail_server_is_one_that_was_named_and_at_no_private_address() {
        let named = |hosts: &[&str], private: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let private: Vec<IpNet> = private.iter().map(|net| net.parse().unwrap()).collect();
            Outbound::new(&hosts, &private)
        };
        let none = named(&[], &[]).addresses("localhost", 25).await;
        assert_eq!(none, Err(OutboundError::Host("localhost".to_owned())));
        for host in ["localhost", "127.0.0.1"] {
            let private = named(&["localhost", "127.0.0.1"], &[]).addresses(host, 25).await;
            assert!(matches!(private, Err(OutboundError::Private(_))), "{host}: {private:?}");
            let opened = named(&["localhost", "127.0.0.1"], &["127.0.0.0/8", "::1/128"]);
            let found = opened.addresses(host, 25).await.unwrap();
            assert!(!found.is_empty() && found.iter().all(|at| at.ip().is_loopback() && at.port() == 25), "{found:?}");
        }
        let nowhere = named(&["nowhere.invalid"], &[]).addresses("nowhere.invalid", 25).await;
        assert_eq!(nowhere, Err(OutboundError::Unknown("nowhere.invalid".to_owned())));
    }

    #[test]
    fn public_addresses_are_told_from_others() {
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2002:101:101::", "64:ff9b::101:101"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in ["::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "fd00::1", "fe80::1", "::", "::1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
