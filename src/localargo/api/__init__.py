"""The HTTP interface: Argo Server's paths where Argo has one, and a few of the engine's own."""
