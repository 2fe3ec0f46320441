"""What everything stands on: errors, files, locks, names, random numbers, processes, signals."""
