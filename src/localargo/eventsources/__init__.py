"""Event sources at work: webhooks, calendars, buckets."""
