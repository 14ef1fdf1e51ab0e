"""A project's files: overlays become documents, models a list that kustomize can read, handlers answer questions."""
