"""What people ask for beyond consent: access, erasure and the rest, answered in time."""
