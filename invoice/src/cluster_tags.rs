//! The EKS cluster that a resource's tags or its ARN name.

/// Tags whose value is the name of a cluster, without punctuation, the surest first. Activated as cost allocation tags
/// they are in an export; AWS writes `aws:eks:cluster-name` as `aws_eks_cluster_name` in some.
const NAMES: [&str; 6] = [
    "awseksclustername",
    "eksclustername",
    "ekseksclustername",
    "alphaeksctlioclustername",
    "elbv2k8sawscluster",
    "kubernetescluster",
];
/// A tag whose key ends with the name of a cluster: `kubernetes.io/cluster/` without punctuation.
const PREFIX: &str = "kubernetesiocluster";
/// A tag whose value is the claim that a volume was made for.
const CLAIM: &str = "kubernetesiocreatedforpvcname";

/// Tags of a resource, the surest first.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    cluster: Option<(usize, String)>,
    pub(crate) claim: Option<String>,
}

/// Letters and digits alone, in small letters: `aws:eks:cluster-name` and `aws_eks_cluster_name` are one.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A key without the prefix by which AWS tells users' tags from its own.
fn own(key: &str) -> &str {
    let key = key.strip_prefix("resourceTags/").or_else(|| key.strip_prefix("resource_tags_")).unwrap_or(key);
    key.strip_prefix("user:").or_else(|| key.strip_prefix("user_")).unwrap_or(key)
}

impl Tags {
    /// Returns true when a tag of this key says anything here.
    pub(crate) fn tells(key: &str) -> bool {
        rank(own(key)).is_some() || plain(own(key)) == CLAIM
    }

    /// Takes a tag. Every export has empty values for resources without the tag.
    pub(crate) fn take(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let key = own(key);
        if plain(key) == CLAIM {
            self.claim = Some(value.to_owned());
            return;
        }
        let Some((rank, of_key)) = rank(key) else { return };
        let name = of_key.unwrap_or(value);
        if self.cluster.as_ref().is_none_or(|(there, _)| rank < *there) {
            self.cluster = Some((rank, name.to_owned()));
        }
    }

    /// The name of the cluster.
    pub(crate) fn cluster(self) -> Option<String> {
        self.cluster.map(|(_, name)| name)
    }
}

/// Ranks a tag by how sure it is, with the name in its key where it is there.
fn rank(key: &str) -> Option<(usize, Option<&str>)> {
    let spelled = plain(key);
    if let Some(n) = NAMES.iter().position(|name| *name == spelled) {
        return Some((n, None));
    }
    if !spelled.starts_with(PREFIX) || spelled.len() == PREFIX.len() {
        return None;
    }
    // The name begins where so many letters and digits are over, whatever stands between them.
    let mut left = PREFIX.len();
    let at = key.char_indices().find(|(_, c)| {
        let ends = left == 0 && c.is_ascii_alphanumeric();
        left -= usize::from(left > 0 && c.is_ascii_alphanumeric());
        ends
    });
    Some((NAMES.len(), key.get(at?.0..)))
}

/// The cluster that an ARN of EKS names: of a cluster, or of a pod on Fargate.
pub(crate) fn cluster_of_arn(resource: &str) -> Option<String> {
    let of_eks = resource.strip_prefix("arn:")?.split_once(":eks:")?.1;
    let path = of_eks.splitn(3, ':').nth(2)?;
    let name = path.split('/').nth(1)?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns true when two names are of one cluster; AWS writes keys of tags without their punctuation in some exports.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(tags: &[(&str, &str)]) -> Option<String> {
        let mut all = Tags::default();
        tags.iter().for_each(|(key, value)| all.take(key, value));
        all.cluster()
    }

    #[test]
    fn the_surest_tag_names_the_cluster_however_its_key_is_written() {
        for (key, value) in [
            ("aws:eks:cluster-name", "prod"),
            ("resourceTags/aws:eks:cluster-name", "prod"),
            ("resource_tags_aws_eks_cluster_name", "prod"),
            ("user_eks_cluster_name", "prod"),
            ("eks:eks-cluster-name", "prod"),
            ("alpha.eksctl.io/cluster-name", "prod"),
            ("resourceTags/user:kubernetes.io/cluster/prod", "owned"),
            ("user_kubernetes_io_cluster_prod", "owned"),
        ] {
            assert_eq!(cluster(&[(key, value)]).as_deref(), Some("prod"), "{key}");
            assert!(Tags::tells(key), "{key}");
        }
        assert_eq!(
            cluster(&[("kubernetes.io/cluster/b", "owned"), ("aws:eks:cluster-name", "a")]).as_deref(),
            Some("a")
        );
        assert_eq!(cluster(&[("aws:eks:cluster-name", ""), ("team", "prod")]), None);
        assert!(!Tags::tells("resourceTags/user:team") && Tags::tells("kubernetes.io/created-for/pvc/name"));
    }

    #[test]
    fn an_arn_of_eks_names_its_cluster() {
        let of = |arn: &str| cluster_of_arn(arn);
        assert_eq!(of("arn:aws:eks:us-east-1:111122223333:cluster/prod").as_deref(), Some("prod"));
        assert_eq!(of("arn:aws:eks:us-east-1:111122223333:pod/prod/default/web-0/uid").as_deref(), Some("prod"));
        assert_eq!(of("arn:aws-cn:eks:cn-north-1:1:cluster/c").as_deref(), Some("c"));
        assert_eq!(of("arn:aws:ec2:us-east-1:1:instance/i-0"), None);
        assert_eq!(of("i-0abc"), None);
        assert!(same("prod-1", "prod_1") && !same("prod-1", "prod-2"));
    }
}
