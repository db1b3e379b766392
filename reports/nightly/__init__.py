"""`isomark nightly`: all that takes too long for every change, kept as data and held against the nights before."""
