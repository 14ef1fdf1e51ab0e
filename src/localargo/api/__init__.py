"""The HTTP interface: Argo Server's paths where Argo has them, and a few of its own."""
