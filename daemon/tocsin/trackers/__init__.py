"""Where tickets are: each kind in a folder of its own."""
