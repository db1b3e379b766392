"""Several runtimes measured in turn, launch by launch, so that what drifts in the machine drifts for all of them."""
