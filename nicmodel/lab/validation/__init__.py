"""Published points, answered by simulation on bare planes: `nicmodel validate` (docs/validation.md)."""
