"""One module per verb: what the faces ask for, done in order, over ports.

A service function takes the `House` (ports and rules that `wiring` chose) and plain arguments,
writes ledger rows and log entries in one transaction, and returns a frozen result.
Nothing here opens a file, reads a clock or draws a random number by itself.
"""
