"""Kubernetes: an Ingress before HAProxy, which has the configuration that is tested here, before the edges.

An Ingress can send every path to one Service and no more: no shard, no hash that leaves a query without a route free. So
it ends TLS, and HAProxy routes.
"""

from __future__ import annotations

from dataclasses import replace
from textwrap import indent

from models.contracts.settings import EDGE_PORT, PORT_BASE
from supervisor.balancer.fleet import Fleet
from supervisor.balancer.haproxy import rendered as haproxy

PORT = PORT_BASE + EDGE_PORT
IMAGE = "haproxy:2.6"


def rendered(fleet: Fleet, host: str) -> str:
    """Manifests. The edges are named as the cluster knows them (``edge-0.edges:8701``); `host`: the public name."""
    configured = indent(haproxy(replace(fleet, bind=f"*:{PORT}")), "    ")
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: tailorbird-balancer}}
data:
  haproxy.cfg: |
{configured}---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: tailorbird-balancer}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: tailorbird-balancer}}}}
  template:
    metadata: {{labels: {{app: tailorbird-balancer}}}}
    spec:
      securityContext: {{runAsNonRoot: true, runAsUser: 99}}
      containers:
      - name: haproxy
        image: {IMAGE}
        ports: [{{containerPort: {PORT}}}]
        readinessProbe: {{httpGet: {{path: /readyz, port: {PORT}}}, periodSeconds: 2}}
        # HAProxy ends its connections in order on USR1.
        lifecycle: {{preStop: {{exec: {{command: [/bin/sh, -c, "kill -USR1 1; sleep 5"]}}}}}}
        securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
        volumeMounts: [{{name: configuration, mountPath: /usr/local/etc/haproxy, readOnly: true}}]
      volumes:
      - name: configuration
        configMap: {{name: tailorbird-balancer}}
---
apiVersion: v1
kind: Service
metadata: {{name: tailorbird-balancer}}
spec:
  selector: {{app: tailorbird-balancer}}
  ports: [{{port: {PORT}, targetPort: {PORT}}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: tailorbird}}
spec:
  rules:
  - host: {host}
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {{service: {{name: tailorbird-balancer, port: {{number: {PORT}}}}}}}
"""
