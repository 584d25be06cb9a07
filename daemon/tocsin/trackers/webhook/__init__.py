"""Any HTTP endpoint of your own: one JSON body for each thing that is to be done about a ticket."""
