//! The query for Services, Ingresses and Gateways that have a load balancer.

use super::query_template::{Fact, Query, Shape};

/// Services of type `LoadBalancer`, Ingresses and Gateways, slot by slot and around the hour, with the addresses of their load balancers where
/// a metric has them; and, without any labels, that there are Services at all, which tells "none" from "not exposed".
pub const LOAD_BALANCERS: Query = Query {
    fact: Fact::LoadBalancers,
    name: "load_balancers",
    metric: "kube_service_spec_type",
    shard_by: "namespace",
    shape: Shape::Around,
    labels: &[
        "__name__",
        "namespace",
        "service",
        "type",
        "hostname",
        "ip",
        "ingress",
        "ingressclass",
        "controller",
        "name",
        "value",
        "annotation_service_beta_kubernetes_io_aws_load_balancer_scheme",
        "annotation_service_beta_kubernetes_io_aws_load_balancer_internal",
        "annotation_alb_ingress_kubernetes_io_group_name",
        "annotation_alb_ingress_kubernetes_io_scheme",
    ],
    promql: concat!(
        "max by (__name__,namespace,service,type,hostname,ip,ingress,ingressclass,controller,name,value,",
        "annotation_service_beta_kubernetes_io_aws_load_balancer_scheme,",
        "annotation_service_beta_kubernetes_io_aws_load_balancer_internal,",
        "annotation_alb_ingress_kubernetes_io_group_name,annotation_alb_ingress_kubernetes_io_scheme) ",
        "(last_over_time({$shard,__name__=~\"kube_service_spec_type|kube_service_status_load_balancer_ingress|",
        "kube_service_annotations|kube_ingress_info|kube_ingress_annotations|kube_ingressclass_info|",
        "gatewayapi_gateway_status_address_info\",type=~\"LoadBalancer|Hostname|IPAddress|\"}[5m])) or ",
        "count by (__name__) (last_over_time(kube_service_spec_type{$shard,type!=\"LoadBalancer\"}[5m]))"
    ),
};
