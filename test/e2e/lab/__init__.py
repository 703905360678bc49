"""The laboratory of the end-to-end tests and the demo: machines with software TPMs and unmodified programs on them."""
