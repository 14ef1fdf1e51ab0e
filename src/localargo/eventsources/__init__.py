"""What can wake us: webhooks, the clock, a bucket."""
