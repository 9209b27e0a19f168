"""What a process needs before it knows medicine. A closed list of files; import them by name."""
