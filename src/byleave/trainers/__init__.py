"""Trainers: one algorithm each, behind the port of `byleave.training.trainer`."""
