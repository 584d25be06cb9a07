"""Floor 1: the interfaces of the engine to the outside, as Protocols."""
