"""What the platform does per second, beside its peers in the same run."""
