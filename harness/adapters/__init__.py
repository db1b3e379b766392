"""The built-in adapters. They register under the entry-point group `isomark.runtimes`, as anybody's adapter does."""
