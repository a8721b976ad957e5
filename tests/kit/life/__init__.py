"""The life of leads: a simple model of the desks, and callers who do everything to both, it and the real ones."""
