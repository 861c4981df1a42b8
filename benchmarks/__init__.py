"""Speed and quality side by side: our stages, simple peers, and the floor under both."""
