"""Miniports of the PF and of VFs. They see the datasheet, NDIS and a function handle, never the device."""
