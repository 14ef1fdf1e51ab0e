"""The engine's view of S3, and the S3 server that it brings along."""
