"""The console: where a merchant manages content for segments, as a page and as a JSON API."""
