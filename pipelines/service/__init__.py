"""`penstock up`: the whole service as processes of this machine, from wheels alone.

One list says what the parts are (`parts`). A process of its own runs them (`supervise`, by honcho); the
command itself (`service`) watches until each is ready, and sees that none is left when it ends.
"""
