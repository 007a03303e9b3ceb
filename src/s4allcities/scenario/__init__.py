"""A simulated world with truth whose sensors speak the real protocols."""
