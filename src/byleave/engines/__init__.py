"""Engines: how rows are decided in bulk. One protocol (`gate.rows.GateEngine`), one suite."""
