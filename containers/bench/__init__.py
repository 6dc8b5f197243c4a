"""Whole-system benchmarks: how fast Quartet is, as ratios within one run, since machines are noisy."""
