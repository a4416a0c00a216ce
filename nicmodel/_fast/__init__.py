"""Rooms of the compiled data plane: one block of `docs/time.md` a room. The door is `nicmodel._fastpath`."""
