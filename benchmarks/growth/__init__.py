"""What ten thousand triggers and a thousand workers cost, and what minutes of load leave behind."""
