"""Who the verbs talk to: an Argo Server by its own API, and what only the embedded engine does.

`protocol.ArgoServer` is what the workflow verbs need; `argo_http` speaks it over HTTP, so that it fits the engine's socket and a
cluster's Argo Server alike. `local_engine` has the engine's own paths. `connection` carries both.
"""
