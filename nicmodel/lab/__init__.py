"""The lab: where device, drivers and traffic meet, and where people come in."""
