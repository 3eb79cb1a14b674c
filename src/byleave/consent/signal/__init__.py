"""Signals: what a browser, a page or a file says in a member's place. Only ever a no.

One adapter for each specification and version (docs/spec/signals.md). A signal that allows
something is read, shown, and never becomes a grant: consent is to something said (G2).
"""
