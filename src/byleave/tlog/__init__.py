"""The transparency log as pure steps over ports: publish, read, prove, check.

Formats are C2SP's (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof), as static files that
any web server can serve. Nothing here opens a file, reads a clock or draws a random number.
"""
