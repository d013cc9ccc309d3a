"""One file a command; each a thin skin over a public Python call."""
