"""What may be asked of a member: taxonomy, uses, policy documents, notices, rulesets."""
