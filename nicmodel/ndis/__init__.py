"""NDIS and the virtualization stack as a miniport meets them, and the judge of its rules."""
