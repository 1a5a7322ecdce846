//! cAdvisor before Kubernetes 1.16, whose labels have other names. Kubelets are upgraded one by one, so that series of
//! both kinds are in one hour: where there are any of the old ones, both are asked for.

use super::query_template::SHARD;

/// Names of the labels before Kubernetes 1.16, beside those of today.
pub(super) const LABELS: [(&str, &str); 2] = [("pod", "pod_name"), ("container", "container_name")];

/// Where the matchers of a part go in a selector of the old names.
pub(super) const OLD_SHARD: &str = "$old_shard,";

/// The name that a label of today had.
pub(super) fn old_name(label: &'static str) -> &'static str {
    LABELS.iter().find(|(own, _)| *own == label).map_or(label, |(_, old)| old)
}

/// The expression with every selector of containers beside the same of the old names. A series that has both names, as
/// those of Kubernetes 1.14 and 1.15, is selected by today's alone.
pub(super) fn beside_old_names(promql: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut text = String::with_capacity(promql.len().saturating_mul(2));
    let mut rest = promql;
    while let Some((before, selector)) = rest.find('{').map(|open| rest.split_at(open)) {
        let close = selector.find('}').map_or(selector.len(), |close| close + 1);
        let (matchers, after) = selector.split_at(close);
        if !matchers.contains("container!=") {
            text.push_str(before);
            text.push_str(matchers);
            rest = after;
            continue;
        }
        let outside = before.trim_end_matches(is_of_name);
        // A span of time is in a function, which then is of each by itself.
        let of_span = after.find(')').filter(|_| after.starts_with('['));
        let (outside, end) = match of_span {
            Some(close) => (outside.strip_suffix('(').unwrap_or(outside).trim_end_matches(is_of_name), close + 1),
            None => (outside, 0),
        };
        let head = before.strip_prefix(outside).unwrap_or_default();
        let (tail, after) = after.split_at(end);
        let old = matchers.replace("container!=", "container_name!=");
        let old = old.replace(SHARD, &format!("{OLD_SHARD}container=\"\","));
        text.push_str(&format!("{outside}({head}{matchers}{tail} or {head}{old}{tail})"));
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_containers_stand_beside_those_of_the_old_names() {
        for (promql, expect) in [
            (
                "max by (pod) (last_over_time(a:b{$shard,container!=\"\"}[5m]))",
                "max by (pod) ((last_over_time(a:b{$shard,container!=\"\"}[5m]) or \
                 last_over_time(a:b{$old_shard,container=\"\",container_name!=\"\"}[5m])))",
            ),
            (
                "count(a{$shard,container!=\"\"}) - count(b{$shard,pod!=\"\"})",
                "count((a{$shard,container!=\"\"} or a{$old_shard,container=\"\",container_name!=\"\"})) - \
                 count(b{$shard,pod!=\"\"})",
            ),
            ("max(b{$shard,}) <= 0", "max(b{$shard,}) <= 0"),
        ] {
            assert_eq!(beside_old_names(promql), expect);
        }
    }
}
