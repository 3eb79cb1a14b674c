"""What was answered: events, the oracle `decide`, the state over all members, receipts."""
