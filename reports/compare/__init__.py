"""`isomark compare`: the promises of several runtimes, then their cost measured in turn, then one page of both."""
