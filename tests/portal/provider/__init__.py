"""A sign-in provider that runs as a process of its own, for tests."""
