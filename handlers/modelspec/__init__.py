"""The model spec: what a data scientist edits, read, checked and named by digests."""
