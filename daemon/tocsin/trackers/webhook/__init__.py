"""Any HTTP endpoint of your own: one JSON body for each job of a ticket."""
