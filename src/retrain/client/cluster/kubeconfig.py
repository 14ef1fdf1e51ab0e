"""A context of the kubeconfig as an HTTP client: address, certificates, tokens and the programs that issue tokens."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from localargo import InvalidInput, Unavailable, Unsupported
from retrain.client.connection import SECONDS
from retrain.client.place import Cluster

if TYPE_CHECKING:
    import httpx


class Opened(NamedTuple):
    """A client of the API server, and the namespace of the context."""

    http: httpx.Client
    address: str
    namespace: str


def opened(cluster: Cluster) -> Opened:
    """A client with the context's credentials. Raises Unsupported without the package `kubernetes`, InvalidInput for an unknown context."""
    import httpx

    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config
    except ImportError as error:
        raise Unsupported("--context needs the package `kubernetes`: pip install 'retrain[cluster]'") from error
    file = os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        contexts, _ = list_kube_config_contexts(file)
    except ConfigException as error:
        raise InvalidInput(f"kubeconfig {file}: {_sentence(error)}. Set KUBECONFIG to the file of your cluster") from error
    named = {str(each["name"]): each["context"] for each in contexts}
    if cluster.context not in named:
        raise InvalidInput(f"kubeconfig {file} has no context {cluster.context!r}; there are: {', '.join(sorted(named)) or 'none'}")
    configuration = Configuration()
    try:
        load_kube_config(file, cluster.context, configuration)
    except (ConfigException, OSError) as error:
        raise Unavailable(f"context {cluster.context} of kubeconfig {file} gives no credentials: {_sentence(error)}") from error
    http = httpx.Client(
        base_url=configuration.host,
        verify=_tls(configuration),
        proxy=configuration.proxy,
        timeout=SECONDS,
        event_hooks={"request": [lambda request: _authorize(request, configuration)]},
    )
    return Opened(http, str(configuration.host), cluster.namespace or str(named[cluster.context].get("namespace") or "default"))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _tls(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # kubeadm's authorities lack what Python 3.13 asks of them, and kubectl accepts them
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _authorize(request: httpx.Request, configuration: Any) -> None:
    """The credentials as they are now: asking for them renews a token that has expired."""
    for setting in configuration.auth_settings().values():
        if setting["in"] == "header" and setting["value"]:
            request.headers[setting["key"]] = setting["value"]
    if configuration.tls_server_name:
        request.extensions["sni_hostname"] = configuration.tls_server_name
