"""Everything a runtime may or may not have, by name. An adapter claims a set of these; an application needs some.

A claim has two sides. Claimed: it must work. Not claimed: an application that needs it must be refused when it is
launched (`UnsupportedFeature`). Accepting it all the same is half-support, and the row that met it fails.
"""

from __future__ import annotations

from enum import StrEnum


class Feature(StrEnum):
    """A name a runtime can claim. The comment behind each is what claiming it promises."""

    VARS = "vars"  # `vars` reach the Worker as env properties, text and JSON alike
    SERVICE_BINDINGS = "service-bindings"  # `services`: env.B.fetch() and RPC methods
    KV_NAMESPACES = "kv-namespaces"  # `kv_namespaces`: get, put, delete
    DURABLE_OBJECTS = "durable-objects"  # `durable_objects` with storage
    LIMITS = "limits"  # `limits` in the configuration is accepted
    SHARED_PROCESS = "shared-process"  # the Workers of one application are isolates of one process
    REDEPLOY = "redeploy"  # one Worker of a running application can be replaced
    OUTBOUND_GATEWAY = "outbound-gateway"  # every fetch() can be sent to one stand-in for the internet
    ISOLATES_ON_DEMAND = "isolates-on-demand"  # a request can ask for an isolate of a given, fresh identity
    D1_DATABASES = "d1-databases"  # `d1_databases`: prepared statements, batches
    TAIL_CONSUMERS = "tail-consumers"  # `tail_consumers`: a Worker is told of each finished invocation
    # Known to wrangler, needed by no test yet; no built-in adapter claims them.
    R2_BUCKETS = "r2-buckets"
    QUEUES = "queues"
    WORKFLOWS = "workflows"
    HYPERDRIVE = "hyperdrive"
    VPC_SERVICES = "vpc-services"
    CONTAINERS = "containers"
    PLACEMENT = "placement"
    AI = "ai"


class ConformanceClass(StrEnum):
    """The groups of requirements that each get a verdict of their own; see conformance/requirements.toml."""

    CORE = "core"
    RESOURCES = "resources"
    STATE = "state"
    PLANET = "planet"
    COST = "cost"
