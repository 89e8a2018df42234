"""Many connected workers: how long they take to arrive, what they weigh, what calls cost then."""
