"""What a connection may do (protocol reference, section 9).

Who connects gets a ``Session``; ``guard`` asks it before a frame takes effect.
"""
