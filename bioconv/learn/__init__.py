"""Learning: what a network is trained with before it is converted."""
