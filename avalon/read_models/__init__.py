"""What the dashboard reads: typed rows and finders, one module per noun. Nothing here writes."""
