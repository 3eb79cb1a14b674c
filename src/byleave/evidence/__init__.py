"""Everything the verifier reads, parsed strictly: log entries, log proofs, bucket proofs,
receipts, proof files.

Pure functions over bytes. What is malformed or does not hold raises `EvidenceError` with the
code of the rule it breaks; what is returned is well formed, and verified where its type says so.
Whoever makes evidence encodes it here too, so that each format is written and read in one place.
"""
