"""Public statements about training data, as pure functions of what the ledgers hold."""
