"""Latency histograms: HDR in nanoseconds, and the files that the standard HdrHistogram tools read and write."""
