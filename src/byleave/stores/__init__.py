"""Adapters that keep things: ledgers, artefacts, the log's files. Only `wiring` imports them."""
