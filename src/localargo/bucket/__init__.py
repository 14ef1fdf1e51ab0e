"""The engine's S3 client, and the S3 server that it starts."""
