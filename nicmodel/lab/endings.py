"""How commands end: exit statuses, and what is said where nothing was measured. No imports: Ctrl-C may come at any time."""

OK, UNMET, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
NOTHING_MEASURED = "stopped before anything was measured"
