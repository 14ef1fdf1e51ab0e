"""A project's files: its overlays become documents, its models a list that kustomize can read."""
