"""Floor 4: carries decisions out: transactions, timers, delivery."""
