"""Connectors: where rows come from. One module per data set; each checks what it found."""
