"""Learning: inside Brian2 by local rules, and the training of networks before they are converted."""
