"""Behaviour suites that every adapter of a port runs, and the platform that cheats."""
