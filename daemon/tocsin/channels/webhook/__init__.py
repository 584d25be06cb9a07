"""Any HTTP endpoint of your own: one JSON body per notification."""
