"""The pages a run ends in, made from conformance.json and cost.json and nothing else."""
