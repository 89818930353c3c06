//! What Kubernetes' protobuf numbers mean: of each message, the fields that are read.
//!
//! Source: the `generated.proto` files of k8s.io/api and k8s.io/apimachinery. Numbers never change their meaning there
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>). A test holds these tables
//! against them, and against what is read of each kind.

use super::shape::{
    Field, Message, Shape, bool, field, int, int_or_string, labels, many, one, quantities, text, texts, time,
};

/// The schema of a built-in kind that is read as protobuf: those of which there are about as many as pods. The others are
/// short, or the API server has them as JSON alone (custom resources).
pub(super) fn of_kind(resource: &str) -> Option<&'static Message> {
    match resource {
        "pods" => Some(POD),
        "replicasets.apps" => Some(REPLICA_SET),
        "deployments.apps" => Some(DEPLOYMENT),
        "services" => Some(SERVICE),
        "endpointslices.discovery.k8s.io" => Some(ENDPOINT_SLICE),
        _ => None,
    }
}

/// `metav1.Status`: why a request was refused.
pub(super) const STATUS: &Message =
    &[text(2, "status"), text(3, "message"), text(4, "reason"), int(6, "code")];

/// `metav1.ListMeta`.
pub(super) const LIST_META: &Message = &[text(3, "continue")];

/// `runtime.TypeMeta`.
pub(super) const TYPE_META: &Message = &[text(2, "kind")];

const OBJECT_META: &Message = &[
    text(1, "name"),
    text(2, "generateName"),
    text(3, "namespace"),
    text(5, "uid"),
    text(6, "resourceVersion"),
    int(7, "generation"),
    time(8, "creationTimestamp"),
    time(9, "deletionTimestamp"),
    int(10, "deletionGracePeriodSeconds"),
    labels(11, "labels"),
    labels(12, "annotations"),
    many!(13, "ownerReferences", OWNER_REFERENCE),
    texts(14, "finalizers"),
];

const OWNER_REFERENCE: &Message = &[
    text(1, "kind"),
    text(3, "name"),
    text(4, "uid"),
    text(5, "apiVersion"),
    bool(6, "controller"),
    bool(7, "blockOwnerDeletion"),
];

const LABEL_SELECTOR: &Message =
    &[labels(1, "matchLabels"), many!(2, "matchExpressions", LABEL_SELECTOR_REQUIREMENT)];

const LABEL_SELECTOR_REQUIREMENT: &Message = &[text(1, "key"), text(2, "operator"), texts(3, "values")];

pub(super) const POD: &Message =
    &[one(1, "metadata", OBJECT_META), one(2, "spec", POD_SPEC), one(3, "status", POD_STATUS)];

const POD_TEMPLATE_SPEC: &Message = &[one(1, "metadata", OBJECT_META), one(2, "spec", POD_SPEC)];

const POD_SPEC: &Message = &[
    many!(1, "volumes", VOLUME),
    many!(2, "containers", CONTAINER),
    text(3, "restartPolicy"),
    int(4, "terminationGracePeriodSeconds"),
    text(6, "dnsPolicy"),
    labels(7, "nodeSelector"),
    text(8, "serviceAccountName"),
    text(10, "nodeName"),
    bool(11, "hostNetwork"),
    bool(12, "hostPID"),
    bool(13, "hostIPC"),
    one(14, "securityContext", POD_SECURITY_CONTEXT),
    many!(15, "imagePullSecrets", LOCAL_OBJECT_REFERENCE),
    one(18, "affinity", AFFINITY),
    many!(20, "initContainers", CONTAINER),
    many!(22, "tolerations", TOLERATION),
    one(26, "dnsConfig", POD_DNS_CONFIG),
    many!(33, "topologySpreadConstraints", TOPOLOGY_SPREAD_CONSTRAINT),
    bool(37, "hostUsers"),
    one(40, "resources", RESOURCE_REQUIREMENTS),
];

const POD_DNS_CONFIG: &Message = &[texts(1, "nameservers")];

const POD_SECURITY_CONTEXT: &Message =
    &[int(2, "runAsUser"), bool(3, "runAsNonRoot"), one(10, "seccompProfile", SECCOMP_PROFILE)];

const SECCOMP_PROFILE: &Message = &[text(1, "type")];

const LOCAL_OBJECT_REFERENCE: &Message = &[text(1, "name")];

const TOLERATION: &Message = &[text(1, "key"), text(2, "operator"), text(3, "value"), text(4, "effect")];

const AFFINITY: &Message = &[
    one(1, "nodeAffinity", NODE_AFFINITY),
    one(2, "podAffinity", POD_AFFINITY),
    one(3, "podAntiAffinity", POD_AFFINITY),
];

const NODE_AFFINITY: &Message = &[one(1, "requiredDuringSchedulingIgnoredDuringExecution", NODE_SELECTOR)];

const NODE_SELECTOR: &Message = &[many!(1, "nodeSelectorTerms", NODE_SELECTOR_TERM)];

const NODE_SELECTOR_TERM: &Message = &[
    many!(1, "matchExpressions", NODE_SELECTOR_REQUIREMENT),
    many!(2, "matchFields", NODE_SELECTOR_REQUIREMENT),
];

const NODE_SELECTOR_REQUIREMENT: &Message = &[text(1, "key"), text(2, "operator"), texts(3, "values")];

/// `PodAntiAffinity` is the same.
const POD_AFFINITY: &Message =
    &[many!(1, "requiredDuringSchedulingIgnoredDuringExecution", POD_AFFINITY_TERM)];

const POD_AFFINITY_TERM: &Message = &[
    one(1, "labelSelector", LABEL_SELECTOR),
    texts(2, "namespaces"),
    text(3, "topologyKey"),
    one(4, "namespaceSelector", LABEL_SELECTOR),
    texts(5, "matchLabelKeys"),
    texts(6, "mismatchLabelKeys"),
];

const TOPOLOGY_SPREAD_CONSTRAINT: &Message = &[
    int(1, "maxSkew"),
    text(2, "topologyKey"),
    text(3, "whenUnsatisfiable"),
    one(4, "labelSelector", LABEL_SELECTOR),
    texts(8, "matchLabelKeys"),
];

const VOLUME: &Message = &[text(1, "name"), field(2, "volumeSource", Shape::Inline(VOLUME_SOURCE))];

const VOLUME_SOURCE: &Message = &[
    one(1, "hostPath", HOST_PATH_VOLUME_SOURCE),
    one(6, "secret", SECRET_VOLUME_SOURCE),
    one(10, "persistentVolumeClaim", PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE),
    one(19, "configMap", CONFIG_MAP_VOLUME_SOURCE),
    one(26, "projected", PROJECTED_VOLUME_SOURCE),
];

const PROJECTED_VOLUME_SOURCE: &Message = &[many!(1, "sources", VOLUME_PROJECTION)];

const VOLUME_PROJECTION: &Message = &[
    one(1, "secret", SECRET_PROJECTION),
    one(3, "configMap", CONFIG_MAP_PROJECTION),
    one(4, "serviceAccountToken", SERVICE_ACCOUNT_TOKEN_PROJECTION),
];

const SECRET_PROJECTION: &Message = &[OF_OBJECT, bool(4, "optional")];

const CONFIG_MAP_PROJECTION: &Message = &[OF_OBJECT, bool(4, "optional")];

const SERVICE_ACCOUNT_TOKEN_PROJECTION: &Message = &[text(1, "audience")];

const HOST_PATH_VOLUME_SOURCE: &Message = &[text(1, "path")];

const SECRET_VOLUME_SOURCE: &Message = &[text(1, "secretName"), bool(4, "optional")];

const PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: &Message = &[text(1, "claimName")];

/// The name of the object.
const OF_OBJECT: Field = field(1, "localObjectReference", Shape::Inline(LOCAL_OBJECT_REFERENCE));

const CONFIG_MAP_VOLUME_SOURCE: &Message = &[OF_OBJECT, bool(4, "optional")];

const CONTAINER: &Message = &[
    text(1, "name"),
    text(2, "image"),
    many!(6, "ports", CONTAINER_PORT),
    many!(7, "env", ENV_VAR),
    one(8, "resources", RESOURCE_REQUIREMENTS),
    one(10, "livenessProbe", PROBE),
    one(11, "readinessProbe", PROBE),
    one(12, "lifecycle", LIFECYCLE),
    one(15, "securityContext", SECURITY_CONTEXT),
    many!(19, "envFrom", ENV_FROM_SOURCE),
    one(22, "startupProbe", PROBE),
    text(24, "restartPolicy"),
];

const CONTAINER_PORT: &Message =
    &[text(1, "name"), int(2, "hostPort"), int(3, "containerPort"), text(4, "protocol")];

const ENV_VAR: &Message = &[text(1, "name"), text(2, "value"), one(3, "valueFrom", ENV_VAR_SOURCE)];

const ENV_VAR_SOURCE: &Message = &[
    one(3, "configMapKeyRef", CONFIG_MAP_KEY_SELECTOR),
    // Its numbers are those of the other.
    one(4, "secretKeyRef", CONFIG_MAP_KEY_SELECTOR),
];

const CONFIG_MAP_KEY_SELECTOR: &Message = &[OF_OBJECT, bool(3, "optional")];

const ENV_FROM_SOURCE: &Message = &[
    one(2, "configMapRef", CONFIG_MAP_ENV_SOURCE),
    // Its numbers are those of the other.
    one(3, "secretRef", CONFIG_MAP_ENV_SOURCE),
];

const CONFIG_MAP_ENV_SOURCE: &Message = &[OF_OBJECT, bool(2, "optional")];

const RESOURCE_REQUIREMENTS: &Message = &[quantities(1, "limits"), quantities(2, "requests")];

const SECURITY_CONTEXT: &Message = &[
    one(1, "capabilities", CAPABILITIES),
    bool(2, "privileged"),
    int(4, "runAsUser"),
    bool(5, "runAsNonRoot"),
    bool(7, "allowPrivilegeEscalation"),
    one(11, "seccompProfile", SECCOMP_PROFILE),
];

const CAPABILITIES: &Message = &[texts(1, "add"), texts(2, "drop")];

const PROBE: &Message = &[
    field(1, "handler", Shape::Inline(PROBE_HANDLER)),
    int(2, "initialDelaySeconds"),
    int(3, "timeoutSeconds"),
    int(4, "periodSeconds"),
    int(5, "successThreshold"),
    int(6, "failureThreshold"),
];

const PROBE_HANDLER: &Message = &[
    one(1, "exec", EXEC_ACTION),
    one(2, "httpGet", HTTP_GET_ACTION),
    one(3, "tcpSocket", TCP_SOCKET_ACTION),
    one(4, "grpc", GRPC_ACTION),
];

const EXEC_ACTION: &Message = &[texts(1, "command")];

const HTTP_GET_ACTION: &Message = &[text(1, "path"), int_or_string(2, "port"), text(4, "scheme")];

const TCP_SOCKET_ACTION: &Message = &[int_or_string(1, "port")];

const GRPC_ACTION: &Message = &[int(1, "port")];

const LIFECYCLE: &Message = &[one(1, "postStart", LIFECYCLE_HANDLER), one(2, "preStop", LIFECYCLE_HANDLER)];

const LIFECYCLE_HANDLER: &Message =
    &[one(1, "exec", EXEC_ACTION), one(2, "httpGet", HTTP_GET_ACTION), one(4, "sleep", SLEEP_ACTION)];

const SLEEP_ACTION: &Message = &[int(1, "seconds")];

const POD_STATUS: &Message = &[
    text(1, "phase"),
    many!(2, "conditions", POD_CONDITION),
    text(4, "reason"),
    text(5, "hostIP"),
    text(6, "podIP"),
    time(7, "startTime"),
    many!(8, "containerStatuses", CONTAINER_STATUS),
    many!(10, "initContainerStatuses", CONTAINER_STATUS),
];

const POD_CONDITION: &Message = &[
    text(1, "type"),
    text(2, "status"),
    time(4, "lastTransitionTime"),
    text(5, "reason"),
    text(6, "message"),
];

const CONTAINER_STATUS: &Message = &[
    text(1, "name"),
    bool(4, "ready"),
    int(5, "restartCount"),
    text(6, "image"),
    text(7, "imageID"),
    bool(9, "started"),
];

const DEPLOYMENT: &Message =
    &[one(1, "metadata", OBJECT_META), one(2, "spec", DEPLOYMENT_SPEC), one(3, "status", DEPLOYMENT_STATUS)];

const DEPLOYMENT_SPEC: &Message = &[
    int(1, "replicas"),
    one(2, "selector", LABEL_SELECTOR),
    one(3, "template", POD_TEMPLATE_SPEC),
    one(4, "strategy", DEPLOYMENT_STRATEGY),
    int(5, "minReadySeconds"),
    int(6, "revisionHistoryLimit"),
    bool(7, "paused"),
    int(9, "progressDeadlineSeconds"),
];

const DEPLOYMENT_STRATEGY: &Message = &[text(1, "type"), one(2, "rollingUpdate", ROLLING_UPDATE_DEPLOYMENT)];

const ROLLING_UPDATE_DEPLOYMENT: &Message =
    &[int_or_string(1, "maxUnavailable"), int_or_string(2, "maxSurge")];

const DEPLOYMENT_STATUS: &Message = &[
    int(1, "observedGeneration"),
    int(2, "replicas"),
    int(3, "updatedReplicas"),
    int(4, "availableReplicas"),
    int(5, "unavailableReplicas"),
    many!(6, "conditions", DEPLOYMENT_CONDITION),
    int(7, "readyReplicas"),
    int(8, "collisionCount"),
    int(9, "terminatingReplicas"),
];

const DEPLOYMENT_CONDITION: &Message = &[
    text(1, "type"),
    text(2, "status"),
    text(4, "reason"),
    text(5, "message"),
    time(6, "lastUpdateTime"),
    time(7, "lastTransitionTime"),
];

const REPLICA_SET: &Message = &[
    one(1, "metadata", OBJECT_META),
    one(2, "spec", REPLICA_SET_SPEC),
    one(3, "status", REPLICA_SET_STATUS),
];

const REPLICA_SET_SPEC: &Message = &[
    int(1, "replicas"),
    one(2, "selector", LABEL_SELECTOR),
    one(3, "template", POD_TEMPLATE_SPEC),
    int(4, "minReadySeconds"),
];

const REPLICA_SET_STATUS: &Message = &[
    int(1, "replicas"),
    int(2, "fullyLabeledReplicas"),
    int(3, "observedGeneration"),
    int(4, "readyReplicas"),
    int(5, "availableReplicas"),
    many!(6, "conditions", REPLICA_SET_CONDITION),
    int(7, "terminatingReplicas"),
];

const REPLICA_SET_CONDITION: &Message = &[
    text(1, "type"),
    text(2, "status"),
    time(3, "lastTransitionTime"),
    text(4, "reason"),
    text(5, "message"),
];

const SERVICE: &Message = &[one(1, "metadata", OBJECT_META), one(2, "spec", SERVICE_SPEC)];

const SERVICE_SPEC: &Message = &[
    many!(1, "ports", SERVICE_PORT),
    labels(2, "selector"),
    text(3, "clusterIP"),
    text(4, "type"),
    text(11, "externalTrafficPolicy"),
    bool(13, "publishNotReadyAddresses"),
    text(23, "trafficDistribution"),
];

const SERVICE_PORT: &Message = &[
    text(1, "name"),
    text(2, "protocol"),
    int(3, "port"),
    int_or_string(4, "targetPort"),
    int(5, "nodePort"),
    text(6, "appProtocol"),
];

const ENDPOINT_SLICE: &Message = &[
    one(1, "metadata", OBJECT_META),
    many!(2, "endpoints", ENDPOINT),
    many!(3, "ports", ENDPOINT_PORT),
    text(4, "addressType"),
];

const ENDPOINT: &Message = &[
    texts(1, "addresses"),
    one(2, "conditions", ENDPOINT_CONDITIONS),
    one(4, "targetRef", OBJECT_REFERENCE),
];

const ENDPOINT_CONDITIONS: &Message = &[bool(1, "ready"), bool(2, "serving"), bool(3, "terminating")];

const OBJECT_REFERENCE: &Message = &[text(1, "kind"), text(2, "namespace"), text(3, "name"), text(4, "uid")];

const ENDPOINT_PORT: &Message = &[text(1, "name"), text(2, "protocol"), int(3, "port")];
