"""Any HTTP endpoint of your own: one JSON body a notification."""
