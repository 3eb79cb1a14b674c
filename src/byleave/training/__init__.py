"""Trainer port, training runs, releases, unlearning: contracts and records."""
