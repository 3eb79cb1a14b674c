"""Sealed snapshots: what passed a gate, committed to member by member and record by record."""
