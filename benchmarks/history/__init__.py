"""What the history costs: one engine writes it, another does not, and both get the same load."""
